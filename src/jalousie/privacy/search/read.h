/* Reading what Python hands to the native search kernel: buffers, each size and code in them checked. */
#ifndef JALOUSIE_READ_H
#define JALOUSIE_READ_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.h"

/* Everything that lives as long as one search: buffers of the caller, and memory. */
typedef struct Block {
    struct Block *next;
    void *memory;
} Block;

typedef struct View {
    struct View *next;
    Py_buffer buffer;
} View;

typedef struct {
    Block *blocks;
    View *views;
} Arena;

void *allot(Arena *a, size_t count, size_t size);
void *take(Arena *a, PyObject *object, size_t size, int64_t count, int64_t *found);
void release(Arena *a);
int refuse(const char *why);

/* Each returns 0, or -1 with an exception set. */
int read_columns(Arena *a, Problem *p, const double *layout, PyObject *maps, PyObject *shares);
int read_rows(Arena *a, Problem *p, int64_t groups, PyObject *codes_in, PyObject *counts_in);
int read_cells(Arena *a, Problem *p, int64_t groups, PyObject *sensitive);
int read_rules(Arena *a, Problem *p, PyObject *rules);

#endif

/* The state of one sweep: blocks.c fills it from Python's buffers, sweep.c runs it. */
#ifndef JALOUSIE_SWEEP_H
#define JALOUSIE_SWEEP_H

#include "blocks.h"

enum { WORDS = MAX_COLUMNS / 8 };

/* Levels of a scheme, a byte a column, so that eight columns are compared at once. */
typedef struct {
    uint64_t word[WORDS];
} packed;

/* Distinct rows that some scheme could release: no less general scheme can release any other. */
typedef struct {
    packed levels;
    int64_t length;
    int32_t *rows;
} source;

typedef struct {
    /* the table: G rows of D value codes, and how many records share each */
    int64_t groups;
    int columns, words, depth;
    const int32_t *codes;
    const int64_t *counts;
    /* part[start[d * depth + l] + code]: what value `code` adds to the key of its class at level l; start -1 adds nothing */
    const int64_t *start;
    const uint64_t *part;
    const double *entropy; /* [d * depth + l] */
    const uint8_t *top;    /* highest level of each column */
    int64_t minimum;       /* least size of a class */
    /* schemes in the order in which they are tried */
    int64_t schemes;
    const uint8_t *levels;
    uint64_t *packs; /* `words` a scheme */
    /* where the schemes are a whole lattice: place of each in it (last column fastest), its strides, and its bottom */
    const int64_t *cell;
    int64_t stride[MAX_COLUMNS];
    const uint8_t *bottom;
    int64_t *upper; /* records that the scheme can release at most; by place in the lattice, if there is one */
    /* lists of rows */
    source *sources;
    int64_t source_count, source_room, stored, budget;
    /* fitted log-odds of the share released against a scheme's entropy: it chooses what to look at, never what is true */
    double sx, sy, sxx, sxy, slope, intercept;
    int64_t fitted;
    /* scratch */
    uint8_t *alive;
    int32_t *slots;
    uint64_t *keys;
    int64_t *sizes;
    int32_t *number, *live, *group, *releasable;
    uint8_t *satisfied, *possible, *take;
    int32_t *order;
    rule_set rules;
    int64_t rest, checks, ticked, work; /* checks and rows read since Python was last asked */
    PyObject *judge, *tick;
    PyThreadState *thread;
} sweep_state;

packed pack(const sweep_state *s, const uint8_t *levels);

/* Fills scheme_of. Returns 0, 1 where Python stopped it, -1 on an exception, -2 out of memory. */
int all_rounds(sweep_state *s, double share, int32_t *scheme_of);

#endif

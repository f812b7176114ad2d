/* What the native parts of local recoding share: rules on one class's sensitive values. */
#ifndef JALOUSIE_BLOCKS_H
#define JALOUSIE_BLOCKS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

enum { MAX_COLUMNS = 64, MAX_RULES = 8 };

/* Models that are checked here, all on one sensitive column; rules.py is the reference. */
typedef struct {
    int count; /* of rules; 0: size alone, or Python, decides */
    double operation[MAX_RULES], number[MAX_RULES], second[MAX_RULES];
    int values, views;   /* of the sensitive column; views of its values (t-closeness) */
    const int32_t *view; /* [v * values + s] */
    const double *shares; /* [v * values + w] of the table */
    const int64_t *first; /* (G + 1,) cells of each distinct row */
    const int32_t *code;
    const int64_t *number_of; /* records of each cell */
    int64_t *have, *quota, *sorted; /* scratch: (values,) */
    double *mass;                   /* scratch: (2 * values,) */
} rule_set;

/* Six buffers: doubles (rules, 3), view (views, values), shares (views, values), first, code, records; -1 if they do not fit. */
int rules_read(rule_set *r, const Py_buffer *b, int64_t groups);
int rules_allocate(rule_set *r);
void rules_free(rule_set *r);

int rules_hold(const rule_set *r, const int64_t *have, int64_t size);
int64_t rules_reachable(const rule_set *r, const int64_t *have, int64_t size);
int rules_shed(const rule_set *r, const int64_t *have, int64_t size, double *records);

PyObject *mondrian(PyObject *module, PyObject *args);
extern const char mondrian_doc[];

#endif

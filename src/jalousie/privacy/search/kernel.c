/* Python's side of the native search kernel: takes buffers, checks every size and code in them, runs the search without the GIL.

   search(sizes, columns, codes, counts, maps, shares, entries, rules, sensitive, tick)
     sizes      int64[8]: columns, groups, rows that may be suppressed, minimum class size, metric, closed, keep, memory budget
     columns    float64[columns, 6]: values, levels, low, high, power, span
     codes      int32[columns, groups]; counts uint32[groups]
     maps       int32: column by column, level by level, the code of every value; level 0 is 0, 1, 2, ...
     shares     float64: column by column, level by level, the share of the domain per code
     entries    float64[4, entries]: closed-form term, base, entropy, cost of a suppressed row
     rules      tuple of (operation, sensitive column or -1, number, second, ordered, shares, tuple of views)
     sensitive  tuple of (number of values, start uint32[groups + 1], code int32[], count uint32[])
     tick       callable(share decided) -> true to stop
   returns (levels or None, score, bound, checked, complete, [(levels, score, suppressed, classes), ...]). */
#include "read.h"

#include <stdlib.h>

typedef struct {
    PyObject *call;
    PyThreadState *thread;
} Ticker;

static int tick(void *context, double share) {
    Ticker *t = context;
    PyEval_RestoreThread(t->thread);
    int answer = PyErr_CheckSignals() ? INTERRUPTED : 0;
    if (answer == 0) {
        PyObject *result = PyObject_CallFunction(t->call, "d", share);
        answer = result == NULL ? INTERRUPTED : PyObject_IsTrue(result);
        if (answer < 0) answer = INTERRUPTED;
        Py_XDECREF(result);
    }
    t->thread = PyEval_SaveThread();
    return answer;
}

static PyObject *levels_tuple(const uint8_t *levels, int n) {
    PyObject *tuple = PyTuple_New(n);
    for (int d = 0; tuple != NULL && d < n; d++) {
        PyObject *level = PyLong_FromLong(levels[d]);
        if (level == NULL || PyTuple_SetItem(tuple, d, level)) Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *answer(const Problem *p, const Result *r) {
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < r->candidates; i++) {
        const Candidate *c = &r->candidate[i];
        PyObject *levels = levels_tuple(c->levels, p->columns);
        PyObject *item = levels ? Py_BuildValue("(NdLL)", levels, c->score, (long long)c->suppressed, (long long)c->classes)
                                : NULL;
        if (item == NULL || PyList_Append(list, item)) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    if (list == NULL) return NULL;
    PyObject *levels = r->found ? levels_tuple(r->levels, p->columns) : Py_NewRef(Py_None);
    if (levels == NULL) {
        Py_DECREF(list);
        return NULL;
    }
    return Py_BuildValue("(NddLON)", levels, r->score, r->bound, (long long)r->checked,
                         r->complete ? Py_True : Py_False, list);
}

static void free_problem(Problem *p) {
    free_tables(p);
    free(p->classes.count);
    free(p->classes.key);
    free(p->classes.index);
    free(p->classes.rank);
    free(p->classes.slot_of);
    free(p->lookup);
    free(p->order);
    free(p->begin);
    free(p->state);
}

static int read_problem(Arena *a, Problem *p, Result *r, PyObject *args, PyObject **call) {
    PyObject *sizes_in, *columns, *codes, *counts, *maps, *shares, *entries, *rules, *sensitive;
    if (!PyArg_ParseTuple(args, "OOOOOOOO!O!O", &sizes_in, &columns, &codes, &counts, &maps, &shares, &entries,
                          &PyTuple_Type, &rules, &PyTuple_Type, &sensitive, call))
        return -1;
    const int64_t *sizes = take(a, sizes_in, sizeof *sizes, 8, NULL);
    if (sizes == NULL) return -1;
    int64_t groups = sizes[1];
    if (sizes[0] < 1 || sizes[0] > MAX_COLUMNS || groups < 1 || groups > INT32_MAX / 8)
        return refuse("columns or groups are out of range");
    p->columns = (int)sizes[0], p->limit = sizes[2], p->minimum_size = sizes[3];
    p->metric = (int)sizes[4], p->closed = sizes[5] != 0, p->budget = sizes[7];
    r->keep = (int)sizes[6];
    if (p->minimum_size < 1 || p->minimum_size > UINT32_MAX || p->metric < LOSS || p->metric > CLASS_SIZE || r->keep < 0)
        return refuse("an option is out of range");
    const double *layout = take(a, columns, sizeof *layout, 6 * p->columns, NULL);
    if (layout == NULL || read_columns(a, p, layout, maps, shares)) return -1;
    const double *entry = take(a, entries, sizeof *entry, 4 * p->entries, NULL);
    if (entry == NULL) return -1;
    p->floor = entry, p->base = entry + p->entries;
    p->entropy = entry + 2 * p->entries, p->ratio = entry + 3 * p->entries;
    p->table_capacity = 4096;
    p->tables = calloc((size_t)p->table_capacity, sizeof *p->tables);
    if (p->tables == NULL) return PyErr_NoMemory(), -1;
    p->table_count = 1;
    if (read_rows(a, p, groups, codes, counts) || read_cells(a, p, groups, sensitive) || read_rules(a, p, rules)) return -1;
    if ((p->classes.slot_of = malloc((size_t)groups * sizeof(uint32_t))) == NULL)
        return PyErr_NoMemory(), -1;
    r->candidate = allot(a, (size_t)r->keep, sizeof *r->candidate);
    return r->candidate ? 0 : -1;
}

static PyObject *search(PyObject *module, PyObject *args) {
    (void)module;
    Arena arena = {0};
    Result result = {0};
    PyObject *call, *made = NULL;
    Problem *p = calloc(1, sizeof *p);
    if (p == NULL) return PyErr_NoMemory();
    if (read_problem(&arena, p, &result, args, &call) == 0) {
        Ticker ticker = {call, PyEval_SaveThread()};
        int error = run_search(p, &result, tick, &ticker);
        PyEval_RestoreThread(ticker.thread);
        if (error == OUT_OF_MEMORY)
            PyErr_NoMemory();
        else if (error == 0)
            made = answer(p, &result);
    }
    free_problem(p);
    free(p);
    release(&arena);
    return made;
}

static PyMethodDef methods[] = {
    {"search", search, METH_VARARGS, "Exact best-first search; see the head of kernel.c."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_kernel", "Native search kernel.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&module); }

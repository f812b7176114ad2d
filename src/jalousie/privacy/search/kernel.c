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
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void *allot(Arena *a, size_t count, size_t size) {
    Block *b = malloc(sizeof *b);
    if (b != NULL && (b->memory = calloc(count + 1, size)) == NULL) {
        free(b);
        b = NULL;
    }
    if (b == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    b->next = a->blocks;
    a->blocks = b;
    return b->memory;
}

/* A contiguous buffer of `count` items (any number where it is negative, then told in *found). */
static void *take(Arena *a, PyObject *object, size_t size, int64_t count, int64_t *found) {
    View *v = malloc(sizeof *v);
    if (v == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (object == NULL || PyObject_GetBuffer(object, &v->buffer, PyBUF_SIMPLE)) {
        free(v);
        return NULL;
    }
    v->next = a->views;
    a->views = v;
    int64_t items = (int64_t)(v->buffer.len / (Py_ssize_t)size);
    if (v->buffer.len % (Py_ssize_t)size || (count >= 0 && items != count)) {
        PyErr_SetString(PyExc_ValueError, "a buffer has the wrong size");
        return NULL;
    }
    if (found) *found = items;
    return v->buffer.buf;
}

static void release(Arena *a) {
    while (a->blocks) {
        Block *next = a->blocks->next;
        free(a->blocks->memory);
        free(a->blocks);
        a->blocks = next;
    }
    while (a->views) {
        View *next = a->views->next;
        PyBuffer_Release(&a->views->buffer);
        free(a->views);
        a->views = next;
    }
}

static int refuse(const char *why) {
    PyErr_SetString(PyExc_ValueError, why);
    return -1;
}

/* -- columns ------------------------------------------------------------------------------------------------------------- */

static int derive_column(Arena *a, Column *c) {
    for (int from = 0; from < c->levels; from++) {
        for (int to = 0; to < c->levels; to++) {
            int64_t n = c->width[from];
            if (to >= from && (c->step[from][to] = allot(a, (size_t)n, sizeof(int32_t))) == NULL) return -1;
            if (to <= from && (c->covered[from][to] = allot(a, (size_t)n, sizeof(double))) == NULL) return -1;
            for (int64_t v = 0; v < c->width[0]; v++) {
                int32_t code = c->map[from][v], other = c->map[to][v];
                if (to >= from) c->step[from][to][code] = other;
                if (to <= from && c->share[to][other] > c->covered[from][to][code])
                    c->covered[from][to][code] = c->share[to][other];
            }
        }
    }
    return 0;
}

/* Reads maps and shares of one column; both pointers move on. */
static int read_column(Arena *a, Column *c, int64_t values, const int32_t **map, int64_t *maps, const double **share,
                       int64_t *shares) {
    for (int l = 0; l < c->levels; l++) {
        if (*maps < values) return refuse("maps end early");
        c->map[l] = *map;
        c->width[l] = 0;
        for (int64_t v = 0; v < values; v++) {
            int32_t code = (*map)[v];
            if (code < 0 || code >= values || (l == 0 && code != v)) return refuse("a code is out of range");
            if (code >= c->width[l]) c->width[l] = code + 1;
        }
        *map += values;
        *maps -= values;
        if (*shares < c->width[l]) return refuse("shares end early");
        c->share[l] = *share;
        *share += c->width[l];
        *shares -= c->width[l];
    }
    c->bits = 1;
    while (((int64_t)1 << c->bits) < values) c->bits++;
    return derive_column(a, c);
}

static int read_columns(Arena *a, Problem *p, const double *layout, PyObject *maps, PyObject *shares) {
    int64_t map_items, share_items;
    const int32_t *map = take(a, maps, sizeof *map, -1, &map_items);
    const double *share = map ? take(a, shares, sizeof *share, -1, &share_items) : NULL;
    if (share == NULL) return -1;
    int shift = 0;
    int64_t gone = 0;
    p->words = 1;
    for (int d = 0; d < p->columns; d++, layout += 6) {
        Column *c = &p->column[d];
        int64_t values = (int64_t)layout[0];
        c->levels = (int)layout[1], c->low = (int)layout[2], c->high = (int)layout[3];
        c->power = layout[4], c->span = layout[5];
        if (c->levels < 1 || c->levels > MAX_LEVELS || c->low < 0 || c->low > c->high || c->high >= c->levels)
            return refuse("levels are out of range");
        if (values < 1 || values > INT32_MAX / 2) return refuse("a column has no values, or too many");
        if (read_column(a, c, values, &map, &map_items, &share, &share_items)) return -1;
        if (shift + c->bits > 64) p->words++, shift = 0;
        c->word = p->words - 1, c->shift = shift;
        shift += c->bits;
        c->first = p->entries;
        p->entries += c->levels;
        p->gone_at[d] = gone;
        gone += values;
    }
    p->gone_at[p->columns] = gone;
    if (map_items || share_items) return refuse("maps or shares are left over");
    p->look.gone = allot(a, (size_t)gone, sizeof(double));
    p->look.core = allot(a, (size_t)gone, sizeof(double));
    return p->look.gone && p->look.core ? 0 : -1;
}

/* -- rows ------------------------------------------------------------------------------------------------------------------ */

static int read_rows(Arena *a, Problem *p, int64_t groups, PyObject *codes_in, PyObject *counts_in) {
    Table *t = &p->tables[0];
    const int32_t *codes = take(a, codes_in, sizeof *codes, p->columns * groups, NULL);
    uint32_t *counts = codes ? take(a, counts_in, sizeof *counts, groups, NULL) : NULL;
    if (counts == NULL || (t->keys = allot(a, (size_t)(groups * p->words), sizeof *t->keys)) == NULL) return -1;
    for (int d = 0; d < p->columns; d++, codes += groups) {
        const Column *c = &p->column[d];
        uint64_t *key = t->keys + c->word;
        uint64_t most = 0;
        for (int64_t i = 0; i < groups; i++, key += p->words) {
            uint64_t code = (uint32_t)codes[i];
            most = code > most ? code : most;
            *key |= code << c->shift;
        }
        if (most >= (uint64_t)c->width[0]) return refuse("a row's code is out of range");
    }
    for (int64_t i = 0; i < groups; i++) {
        if (counts[i] == 0) return refuse("a row has no count");
        p->rows += counts[i];
    }
    if (p->rows > UINT32_MAX) return refuse("too many rows for this kernel");
    t->rows = groups;
    t->counts = counts;
    for (int d = 0; d < p->columns; d++) t->levels[d] = 0;
    return 0;
}

static int read_cells(Arena *a, Problem *p, int64_t groups, PyObject *sensitive) {
    int64_t widest = 0;
    p->sensitive = (int)PyTuple_Size(sensitive);
    if (p->sensitive < 0 || p->sensitive > MAX_COLUMNS) return refuse("too many sensitive columns");
    if (p->sensitive == 0) return 0;
    if ((p->tables[0].cells = allot(a, (size_t)p->sensitive, sizeof(Cells))) == NULL) return -1;
    for (int j = 0; j < p->sensitive; j++) {
        Cells *cells = &p->tables[0].cells[j];
        PyObject *start, *code, *count;
        int64_t n, values;
        long long given;
        if (!PyArg_ParseTuple(PyTuple_GetItem(sensitive, j), "LOOO", &given, &start, &code, &count)) return -1;
        values = given;
        if (values < 1 || values > INT32_MAX / 2) return refuse("a sensitive column has no values, or too many");
        cells->start = take(a, start, sizeof *cells->start, groups + 1, NULL);
        cells->code = cells->start ? take(a, code, sizeof *cells->code, -1, &n) : NULL;
        cells->count = cells->code ? take(a, count, sizeof *cells->count, n, NULL) : NULL;
        if (cells->count == NULL) return -1;
        if (cells->start[0] != 0 || cells->start[groups] != n) return refuse("cells do not match their rows");
        for (int64_t i = 0; i < groups; i++) {
            uint64_t rows = 0;
            if (cells->start[i] > cells->start[i + 1]) return refuse("cells are out of order");
            for (uint32_t x = cells->start[i]; x < cells->start[i + 1]; x++) rows += cells->count[x];
            if (rows != p->tables[0].counts[i]) return refuse("cells do not add up to their row");
        }
        for (int64_t x = 0; x < n; x++)
            if (cells->code[x] < 0 || cells->code[x] >= values || cells->count[x] == 0)
                return refuse("a cell is out of range");
        p->values[j] = (int)values;
        if (values > widest) widest = values;
    }
    p->scratch = allot(a, (size_t)widest, sizeof *p->scratch);
    p->touched = allot(a, (size_t)widest, sizeof *p->touched);
    p->sorted = allot(a, (size_t)widest, sizeof *p->sorted);
    p->view_scratch = allot(a, (size_t)widest, sizeof *p->view_scratch);
    return p->scratch && p->touched && p->sorted && p->view_scratch ? 0 : -1;
}

/* -- rules ----------------------------------------------------------------------------------------------------------------- */

static int read_views(Arena *a, const Problem *p, Rule *r, PyObject *shares, PyObject *views) {
    int64_t values = p->values[r->column];
    r->views = (int)PyTuple_Size(views);
    if (r->views < 1 || r->views > MAX_LEVELS) return refuse("a distance needs 1 to 32 views");
    if ((r->shares = take(a, shares, sizeof *r->shares, values, NULL)) == NULL) return -1;
    for (int v = 0; v < r->views; v++) {
        r->view[v] = take(a, PyTuple_GetItem(views, v), sizeof *r->view[v], values, NULL);
        r->view_share[v] = r->view[v] ? allot(a, (size_t)values, sizeof(double)) : NULL;
        if (r->view_share[v] == NULL) return -1;
        for (int64_t i = 0; i < values; i++) {
            int32_t code = r->view[v][i];
            if (code < 0 || code >= values) return refuse("a view's code is out of range");
            if (code >= r->view_width[v]) r->view_width[v] = code + 1;
            r->view_share[v][code] += r->shares[i];
        }
    }
    return 0;
}

static int fill_logs(Arena *a, Problem *p) {
    if (p->log_table) return 0;
    p->log_entries = p->rows + 1 < 8192 ? p->rows + 1 : 8192;
    if ((p->log_table = allot(a, (size_t)p->log_entries, sizeof(double))) == NULL) return -1;
    for (int64_t n = 2; n < p->log_entries; n++) p->log_table[n] = (double)n * log((double)n);
    return 0;
}

/* G(n) of Grassberger 2003: see models/diversity.py. */
static int fill_grassberger(Arena *a, Problem *p) {
    if (p->grassberger) return 0;
    double *g = p->grassberger = allot(a, (size_t)p->rows + 2, sizeof(double));
    if (g == NULL) return -1;
    g[1] = -0.57721566490153286 - 0.69314718055994531;
    g[2] = g[1] + 2;
    for (int64_t n = 3; n <= p->rows; n++) g[n] = n % 2 ? g[n - 1] : g[n - 2] + 2.0 / (double)(n - 1);
    return 0;
}

static int read_rules(Arena *a, Problem *p, PyObject *rules) {
    p->rules = (int)PyTuple_Size(rules);
    if (p->rules < 0 || (p->rule = allot(a, (size_t)p->rules, sizeof *p->rule)) == NULL) return -1;
    p->only_k = p->monotone = 1;
    for (int i = 0; i < p->rules; i++) {
        Rule *r = &p->rule[i];
        PyObject *shares, *views;
        if (!PyArg_ParseTuple(PyTuple_GetItem(rules, i), "iiddpOO!", &r->operation, &r->column, &r->number, &r->second,
                              &r->ordered, &shares, &PyTuple_Type, &views))
            return -1;
        int of_cells = r->operation != RULE_K && r->operation != RULE_AVERAGE;
        if (r->operation < RULE_K || r->operation > RULE_AVERAGE) return refuse("an unknown rule");
        if (of_cells ? r->column < 0 || r->column >= p->sensitive : r->column != -1)
            return refuse("a rule names the wrong column");
        if (r->operation != RULE_K) p->only_k = 0;
        if (r->operation > RULE_DISTINCT) p->monotone = 0;
        if (r->operation == RULE_CLOSENESS && read_views(a, p, r, shares, views)) return -1;
        if (r->operation == RULE_SHANNON && fill_logs(a, p)) return -1;
        if (r->operation == RULE_GRASSBERGER && fill_grassberger(a, p)) return -1;
        if (r->operation == RULE_AVERAGE) {
            if (!(r->number > 0)) return refuse("a risk must be above 0");
            double sizes = ceil(fmin(1 / r->number, (double)p->rows)) + 2;
            if (sizes > p->buckets) p->buckets = (int64_t)sizes;
        }
    }
    if (p->buckets && (p->bucket = allot(a, (size_t)(2 * p->buckets), sizeof *p->bucket)) == NULL) return -1;
    p->k = (uint32_t)p->minimum_size;
    return 0;
}

/* -- running --------------------------------------------------------------------------------------------------------------- */

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

/* Columns, rows, sensitive cells and rules of a search, from the caller's buffers. */
#include "read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void *allot(Arena *a, size_t count, size_t size) {
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
void *take(Arena *a, PyObject *object, size_t size, int64_t count, int64_t *found) {
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

void release(Arena *a) {
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

int refuse(const char *why) {
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

int read_columns(Arena *a, Problem *p, const double *layout, PyObject *maps, PyObject *shares) {
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

int read_rows(Arena *a, Problem *p, int64_t groups, PyObject *codes_in, PyObject *counts_in) {
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

int read_cells(Arena *a, Problem *p, int64_t groups, PyObject *sensitive) {
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

int read_rules(Arena *a, Problem *p, PyObject *rules) {
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

/* Native forms of local recoding's inner loops. Each has a twin in Python beside it (sweep.py, mondrian.py), which is the
 * reference: property tests hold them to equal results. Stable ABI of Python 3.11; no global state.
 */
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

enum {
    CODES, COUNTS, START, PART, ENTROPY, LEVELS, TOP, LIVE, GROUP, SIZES, SATISFIED, POSSIBLE, RELEASABLE, SCHEME,
    RULES, VIEW, SHARES, FIRST, CODE, RECORDS, BOTTOM, CELL, BUFFERS
};

static void sweep_free(sweep_state *s) {
    for (int64_t i = 0; s->sources && i < s->source_count; i++) free(s->sources[i].rows);
    free(s->sources), free(s->packs), free(s->upper), free(s->alive);
    free(s->slots), free(s->keys), free(s->number);
    free(s->order), free(s->take);
    rules_free(&s->rules);
}

static int sweep_allocate(sweep_state *s, int64_t groups) {
    int64_t room = 64;
    while (room < 2 * groups) room *= 2;
    size_t n = (size_t)groups + 1;
    s->packs = malloc(((size_t)s->schemes + 1) * (size_t)s->words * sizeof *s->packs);
    s->upper = malloc(((size_t)s->schemes + 1) * sizeof *s->upper);
    s->alive = malloc(n);
    s->slots = malloc((size_t)room * sizeof *s->slots);
    s->keys = malloc(n * sizeof *s->keys);
    s->number = malloc(n * sizeof *s->number);
    s->source_room = 256;
    s->sources = calloc((size_t)s->source_room, sizeof *s->sources);
    if (!s->packs || !s->upper || !s->alive || !s->slots || !s->keys || !s->number || !s->sources) return -1;
    s->sources[0].rows = malloc(n * sizeof(int32_t));
    s->source_count = 1;
    if (!s->sources[0].rows) return -1;
    if (rules_allocate(&s->rules) < 0) return -1;
    if (s->rules.count) {
        s->order = malloc(n * sizeof *s->order);
        s->take = malloc(n);
        if (!s->order || !s->take) return -1;
    }
    return 0;
}

/* Is the list of schemes a whole lattice between bottom and top (or, with no cells, just a list)? */
static int read_lattice(sweep_state *s, const Py_buffer *bottom, const Py_buffer *cell) {
    if (bottom->len != s->columns) return 0;
    s->bottom = bottom->buf;
    if (cell->len == 0) return 1;
    int64_t size = 1;
    for (int d = s->columns - 1; d >= 0; d--) {
        if (s->bottom[d] > s->top[d]) return 0;
        s->stride[d] = size;
        size *= s->top[d] - s->bottom[d] + 1;
        if (size > s->schemes) return 0;
    }
    if (size != s->schemes || cell->len != 8 * size) return 0;
    s->cell = cell->buf;
    for (int64_t k = 0; k < size; k++)
        if (s->cell[k] < 0 || s->cell[k] >= size) return 0;
    return 1;
}

static const char sweep_doc[] =
    "sweep(codes, counts, start, part, entropy, levels, top, live, group, sizes, satisfied, possible, releasable, scheme_of,"
    " rules, view, shares, first, code, records, bottom, cell, values,"
    " minimum, share, budget, judge, tick) -> (checks, stopped)";

static PyObject *sweep(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer b[BUFFERS];
    memset(b, 0, sizeof b);
    sweep_state s;
    memset(&s, 0, sizeof s);
    long long minimum, budget;
    double share;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*w*w*w*w*w*w*w*y*y*y*y*y*y*y*y*iLdLOO", &b[CODES], &b[COUNTS], &b[START], &b[PART], &b[ENTROPY],
                          &b[LEVELS], &b[TOP], &b[LIVE], &b[GROUP], &b[SIZES], &b[SATISFIED], &b[POSSIBLE], &b[RELEASABLE],
                          &b[SCHEME], &b[RULES], &b[VIEW], &b[SHARES], &b[FIRST], &b[CODE],
                          &b[RECORDS], &b[BOTTOM], &b[CELL], &s.rules.values, &minimum, &share, &budget, &s.judge, &s.tick))
        return NULL;
    s.groups = b[COUNTS].len / 8;
    s.columns = (int)b[TOP].len;
    if (s.columns < 1 || s.columns > MAX_COLUMNS || b[CODES].len != s.groups * s.columns * 4 ||
        b[START].len % (8 * s.columns) || b[ENTROPY].len != b[START].len || b[LEVELS].len % s.columns ||
        b[LIVE].len < s.groups * 4 || b[GROUP].len < s.groups * 4 || b[SIZES].len < s.groups * 8 ||
        b[SATISFIED].len < s.groups || b[POSSIBLE].len < s.groups || b[RELEASABLE].len < s.groups * 4 ||
        b[SCHEME].len != s.groups * 4 || rules_read(&s.rules, b + RULES, s.groups) < 0) {
        PyErr_SetString(PyExc_ValueError, "buffers of unequal length");
        goto done;
    }
    s.words = (s.columns + 7) / 8;
    s.depth = (int)(b[START].len / 8 / s.columns);
    s.codes = b[CODES].buf, s.counts = b[COUNTS].buf, s.start = b[START].buf, s.part = b[PART].buf;
    s.entropy = b[ENTROPY].buf, s.levels = b[LEVELS].buf, s.top = b[TOP].buf;
    s.live = b[LIVE].buf, s.group = b[GROUP].buf, s.sizes = b[SIZES].buf;
    s.satisfied = b[SATISFIED].buf, s.possible = b[POSSIBLE].buf, s.releasable = b[RELEASABLE].buf;
    s.schemes = b[LEVELS].len / s.columns;
    s.minimum = minimum, s.budget = budget;
    if (!read_lattice(&s, &b[BOTTOM], &b[CELL])) {
        PyErr_SetString(PyExc_ValueError, "not a lattice");
        goto done;
    }
    for (Py_ssize_t i = 0; i < b[LEVELS].len; i++)
        if (s.levels[i] > s.top[i % s.columns] || s.levels[i] >= s.depth) {
            PyErr_SetString(PyExc_ValueError, "a scheme above the top");
            goto done;
        }
    if (sweep_allocate(&s, s.groups) < 0) {
        PyErr_NoMemory();
        goto done;
    }
    int32_t *scheme_of = b[SCHEME].buf;
    for (int64_t i = 0; i < s.groups; i++) {
        s.alive[i] = 1, scheme_of[i] = -1, s.sources[0].rows[i] = (int32_t)i;
        s.rest += s.counts[i];
    }
    s.sources[0].levels = pack(&s, s.top), s.sources[0].length = s.groups;
    for (int64_t k = 0; k < s.schemes; k++) {
        packed p = pack(&s, s.levels + k * s.columns);
        memcpy(s.packs + k * s.words, p.word, (size_t)s.words * sizeof *s.packs);
        s.upper[k] = s.rest;
    }
    s.thread = PyEval_SaveThread();
    int end = all_rounds(&s, share, scheme_of);
    PyEval_RestoreThread(s.thread);
    if (end == -2)
        PyErr_NoMemory();
    else if (end >= 0)
        result = Py_BuildValue("LO", (long long)s.checks, end ? Py_True : Py_False);
done:
    sweep_free(&s);
    for (int i = 0; i < BUFFERS; i++) PyBuffer_Release(&b[i]);
    return result;
}

static PyMethodDef methods[] = {
    {"sweep", sweep, METH_VARARGS, sweep_doc},
    {"mondrian", mondrian, METH_VARARGS, mondrian_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef module_definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_blocks", .m_doc = "Inner loops of local recoding.", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__blocks(void) { return PyModule_Create(&module_definition); }

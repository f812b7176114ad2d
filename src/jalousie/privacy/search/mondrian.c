/* Strict Mondrian on weighted distinct rows (LeFevre, DeWitt & Ramakrishnan 2006); mondrian.py spells out the same. */
#include "blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value with its records, for columns whose range is wide against the rows. */
typedef struct {
    int32_t value;
    int64_t records;
} weighed;

typedef struct {
    int32_t value; /* the last value of the left part */
    int64_t left;  /* its records */
    double away;   /* from an even cut */
} cut;

typedef struct {
    int64_t from, to;
} part;

typedef struct {
    int64_t groups, minimum;
    int columns, depth;
    int32_t *rows;          /* columns + 1 numbers a row: its codes, then which row it is */
    const int64_t *counts;
    const int64_t *start;   /* [d * depth + l]: where column d's map at level l begins, -1 past its levels */
    const int32_t *map;     /* code at that level by (ordered) value */
    const double *cost;     /* of a cell at that level, by value, at the same places as map */
    const uint8_t *numeric; /* cut anywhere; cost by the values between */
    const uint8_t *low;
    const double *place;    /* numeric columns: share of the domain before each value, at the place of level 0 */
    const double *factor;
    rule_set rules;
    weighed *values;
    cut *cuts;
    int64_t *table; /* records by value, or by value and sensitive value */
    int64_t table_room;
    part *stack;
    int64_t stack_room;
} state;

static inline int32_t *row_of(const state *s, int64_t i) { return s->rows + i * (s->columns + 1); }

/* Lowest level at which two values of a column are one, and the cost of that cell. Values are in the order of the tree, so this
 * is the level of everything between them. */
static int common_level(const state *s, int d, int32_t a, int32_t b, double *cost) {
    int level = s->low[d];
    for (; level + 1 < s->depth && s->start[d * s->depth + level + 1] >= 0; level++) {
        const int32_t *map = s->map + s->start[d * s->depth + level];
        if (map[a] == map[b]) break;
    }
    *cost = s->cost[s->start[d * s->depth + level] + a];
    return level;
}

static int by_value(const void *a, const void *b) {
    int32_t x = ((const weighed *)a)->value, y = ((const weighed *)b)->value;
    return x < y ? -1 : x > y;
}

static int by_balance(const void *a, const void *b) {
    const cut *x = a, *y = b;
    if (x->away != y->away) return x->away < y->away ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* Values of column d in rows [from, to) with their records, in order; returns how many. */
static int64_t weigh(state *s, int d, part p, int32_t low, int32_t high) {
    int64_t width = (int64_t)high - low + 1, n = 0;
    if (width <= 4 * (p.to - p.from) + 64 && width <= s->table_room) {
        memset(s->table, 0, (size_t)width * sizeof *s->table);
        for (int64_t i = p.from; i < p.to; i++) {
            const int32_t *row = row_of(s, i);
            s->table[row[d] - low] += s->counts[row[s->columns]];
        }
        for (int64_t v = 0; v < width; v++)
            if (s->table[v]) s->values[n].value = (int32_t)(v + low), s->values[n++].records = s->table[v];
        return n;
    }
    for (int64_t i = p.from; i < p.to; i++) {
        const int32_t *row = row_of(s, i);
        s->values[n].value = row[d], s->values[n++].records = s->counts[row[s->columns]];
    }
    qsort(s->values, (size_t)n, sizeof *s->values, by_value);
    int64_t kept = 0;
    for (int64_t i = 1; i < n; i++) {
        if (s->values[i].value == s->values[kept].value)
            s->values[kept].records += s->values[i].records;
        else
            s->values[++kept] = s->values[i];
    }
    return kept + 1;
}

/* The cuts of column d that leave enough records on both sides, the most even first. */
static int64_t list_cuts(state *s, int d, part p, int32_t low, int32_t high, int level, int64_t records) {
    int64_t n = weigh(s, d, p, low, high), found = 0, left = 0;
    int below = s->numeric[d] ? s->low[d] : level - 1;
    const int32_t *map = s->map + s->start[d * s->depth + below];
    for (int64_t i = 0; i + 1 < n; i++) {
        left += s->values[i].records;
        if (left < s->minimum || records - left < s->minimum) continue;
        if (map[s->values[i].value] == map[s->values[i + 1].value]) continue;
        s->cuts[found].value = s->values[i].value;
        s->cuts[found].left = left;
        s->cuts[found++].away = fabs((double)left - 0.5 * (double)records);
    }
    if (found && s->rules.count == 0) { /* only the best is wanted */
        int64_t best = 0;
        for (int64_t i = 1; i < found; i++)
            if (by_balance(&s->cuts[i], &s->cuts[best]) < 0) best = i;
        s->cuts[0] = s->cuts[best];
        return 1;
    }
    qsort(s->cuts, (size_t)found, sizeof *s->cuts, by_balance);
    return found;
}

/* Do both sides of a cut satisfy the rules? */
static int sides_hold(state *s, int d, part p, const cut *c, int64_t records) {
    rule_set *r = &s->rules;
    if (r->count == 0) return 1;
    memset(r->have, 0, (size_t)r->values * sizeof *r->have);
    memset(r->quota, 0, (size_t)r->values * sizeof *r->quota);
    for (int64_t i = p.from; i < p.to; i++) {
        const int32_t *row = row_of(s, i);
        int64_t *side = row[d] <= c->value ? r->have : r->quota, g = row[s->columns];
        for (int64_t cell = r->first[g]; cell < r->first[g + 1]; cell++) side[r->code[cell]] += r->number_of[cell];
    }
    return rules_hold(r, r->have, c->left) && rules_hold(r, r->quota, records - c->left);
}

/* The first cut that is allowed, the widest column first; 0 where there is none. */
static int choose(state *s, part p, int *column, int32_t *value) {
    int32_t low[MAX_COLUMNS], high[MAX_COLUMNS];
    int level[MAX_COLUMNS], tried[MAX_COLUMNS];
    double spread[MAX_COLUMNS];
    int64_t records = 0;
    const int32_t *row = row_of(s, p.from);
    for (int d = 0; d < s->columns; d++) low[d] = high[d] = row[d], tried[d] = 0;
    for (int64_t i = p.from; i < p.to; i++) {
        row = row_of(s, i);
        records += s->counts[row[s->columns]];
        for (int d = 0; d < s->columns; d++) {
            if (row[d] < low[d]) low[d] = row[d];
            if (row[d] > high[d]) high[d] = row[d];
        }
    }
    if (records < 2 * s->minimum) return 0;
    for (int d = 0; d < s->columns; d++) {
        double cost = 0;
        level[d] = low[d] == high[d] ? s->low[d] : common_level(s, d, low[d], high[d], &cost);
        if (level[d] == s->low[d]) tried[d] = 1; /* one value, or nothing finer may be written */
        if (s->numeric[d]) {
            const double *place = s->place + s->start[d * s->depth];
            cost = place[high[d]] - place[low[d]];
        }
        spread[d] = cost * s->factor[d];
    }
    for (;;) {
        int d = -1;
        for (int e = 0; e < s->columns; e++)
            if (!tried[e] && (d < 0 || spread[e] > spread[d])) d = e;
        if (d < 0) return 0;
        tried[d] = 1;
        int64_t cuts = list_cuts(s, d, p, low[d], high[d], level[d], records);
        for (int64_t i = 0; i < cuts; i++)
            if (sides_hold(s, d, p, &s->cuts[i], records)) {
                *column = d, *value = s->cuts[i].value;
                return 1;
            }
    }
}

static int64_t divide(state *s, part p, int column, int32_t value) {
    int64_t i = p.from, j = p.to - 1;
    size_t size = (size_t)(s->columns + 1) * sizeof(int32_t);
    int32_t swap[MAX_COLUMNS + 1];
    for (;;) {
        while (i <= j && row_of(s, i)[column] <= value) i++;
        while (i <= j && row_of(s, j)[column] > value) j--;
        if (i >= j) return i;
        memcpy(swap, row_of(s, i), size), memcpy(row_of(s, i), row_of(s, j), size), memcpy(row_of(s, j), swap, size);
    }
}

/* Classes of rows [0, groups); -1 where memory is short. */
static int64_t partition(state *s, int32_t *class_of) {
    int64_t classes = 0, open = 0;
    s->stack[open++] = (part){0, s->groups};
    while (open) {
        part p = s->stack[--open];
        int column = 0;
        int32_t value = 0;
        if (choose(s, p, &column, &value)) {
            int64_t middle = divide(s, p, column, value);
            if (open + 2 > s->stack_room) {
                part *grown = realloc(s->stack, (size_t)(2 * s->stack_room) * sizeof *grown);
                if (!grown) return -1;
                s->stack = grown, s->stack_room *= 2;
            }
            s->stack[open++] = (part){middle, p.to};
            s->stack[open++] = (part){p.from, middle};
            continue;
        }
        for (int64_t i = p.from; i < p.to; i++) class_of[row_of(s, i)[s->columns]] = (int32_t)classes;
        classes++;
    }
    return classes;
}

enum { CODES, COUNTS, START, MAP, COST, NUMERIC, LOW, PLACE, FACTOR, CLASS, RULES, BUFFERS = RULES + 6 };

const char mondrian_doc[] =
    "mondrian(codes, counts, start, map, cost, numeric, low, place, factor, class_of, rules, view, shares, first, code, records,"
    " values, minimum) -> classes";

static int fits(const state *s, const Py_buffer *b) {
    if (s->columns < 1 || s->columns > MAX_COLUMNS || s->groups < 1 || b[CODES].len != s->groups * s->columns * 4) return 0;
    if (b[START].len < 8 || b[START].len % (8 * s->columns) || b[NUMERIC].len != s->columns || b[FACTOR].len != s->columns * 8)
        return 0;
    if (b[COST].len != 2 * b[MAP].len || b[PLACE].len != 2 * b[MAP].len || b[CLASS].len != s->groups * 4) return 0;
    const int32_t *codes = b[CODES].buf;
    for (int d = 0; d < s->columns; d++) {
        const int64_t *start = s->start + d * s->depth;
        if (s->low[d] >= s->depth || start[0] < 0 || start[s->low[d]] < 0) return 0;
        int32_t most = 0;
        for (int64_t i = 0; i < s->groups; i++) {
            int32_t code = codes[i * s->columns + d];
            if (code < 0) return 0;
            if (code > most) most = code;
        }
        for (int l = 0; l < s->depth && start[l] >= 0; l++)
            if (start[l] + most >= b[MAP].len / 4) return 0;
    }
    return 1;
}

PyObject *mondrian(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer b[BUFFERS];
    memset(b, 0, sizeof b);
    state s;
    memset(&s, 0, sizeof s);
    long long minimum;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*y*w*y*y*y*y*y*y*iL", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &b[6], &b[7],
                          &b[8], &b[9], &b[10], &b[11], &b[12], &b[13], &b[14], &b[15], &s.rules.values, &minimum))
        return NULL;
    s.groups = b[COUNTS].len / 8, s.columns = (int)b[LOW].len, s.minimum = minimum;
    s.depth = s.columns ? (int)(b[START].len / 8 / s.columns) : 0;
    s.counts = b[COUNTS].buf, s.start = b[START].buf, s.map = b[MAP].buf, s.cost = b[COST].buf, s.numeric = b[NUMERIC].buf;
    s.low = b[LOW].buf, s.place = b[PLACE].buf, s.factor = b[FACTOR].buf;
    if (!fits(&s, b) || rules_read(&s.rules, b + RULES, s.groups) < 0) {
        PyErr_SetString(PyExc_ValueError, "buffers of unequal length");
        goto done;
    }
    size_t n = (size_t)s.groups;
    s.table_room = 4 * s.groups + 64, s.stack_room = 64;
    s.rows = malloc(n * (size_t)(s.columns + 1) * sizeof *s.rows);
    s.values = malloc(n * sizeof *s.values);
    s.cuts = malloc(n * sizeof *s.cuts);
    s.table = malloc((size_t)s.table_room * sizeof *s.table);
    s.stack = malloc((size_t)s.stack_room * sizeof *s.stack);
    if (!s.rows || !s.values || !s.cuts || !s.table || !s.stack || rules_allocate(&s.rules) < 0) {
        PyErr_NoMemory();
        goto done;
    }
    const int32_t *codes = b[CODES].buf;
    for (int64_t i = 0; i < s.groups; i++) {
        memcpy(row_of(&s, i), codes + i * s.columns, (size_t)s.columns * sizeof *codes);
        row_of(&s, i)[s.columns] = (int32_t)i;
    }
    PyThreadState *thread = PyEval_SaveThread();
    int64_t classes = partition(&s, b[CLASS].buf);
    PyEval_RestoreThread(thread);
    result = classes < 0 ? PyErr_NoMemory() : PyLong_FromLongLong(classes);
done:
    free(s.rows), free(s.values), free(s.cuts), free(s.table), free(s.stack);
    rules_free(&s.rules);
    for (int i = 0; i < BUFFERS; i++) PyBuffer_Release(&b[i]);
    return result;
}

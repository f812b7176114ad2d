/* The sweep of local recoding: classes are released scheme by scheme; sweep.py is the reference and says the rule. */
#include "sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_CHECKS = 64, TICK_ROWS = 4000000, TRIM_TURNS = 12 };
#define GUARD 0x8080808080808080ull

/* What one look at a scheme found. `releasable` and `live` of the state hold the rows. */
typedef struct {
    int64_t released_rows, released, possible_rows, possible;
} look;

static inline uint64_t mixed(uint64_t key) {
    key *= 0x9E3779B97F4A7C15ull;
    return key ^ (key >> 29);
}

packed pack(const sweep_state *s, const uint8_t *levels) {
    packed p;
    memset(&p, 0, sizeof p);
    for (int d = 0; d < s->columns; d++)
        p.word[d / 8] |= (uint64_t)levels[d] << (8 * (d % 8));
    return p;
}

/* Is `low` at most `high` in every column? Levels are under 128, so the top bit of each byte shows a borrow. */
static inline int below(int words, const uint64_t *low, const uint64_t *high) {
    uint64_t borrows = GUARD;
    for (int w = 0; w < words; w++) borrows &= (high[w] | GUARD) - low[w];
    return borrows == GUARD;
}

static double entropy_of(const sweep_state *s, const uint8_t *levels) {
    double sum = 0;
    for (int d = 0; d < s->columns; d++) sum += s->entropy[d * s->depth + levels[d]];
    return sum;
}

static void fit(sweep_state *s, double x, int64_t released) {
    double y = log((released + 0.5) / (s->rest - released + 0.5));
    s->sx += x, s->sy += y, s->sxx += x * x, s->sxy += x * y, s->fitted++;
    double spread = s->sxx - s->sx * s->sx / s->fitted;
    s->slope = spread > 1e-9 ? (s->sxy - s->sx * s->sy / s->fitted) / spread : 0;
    s->intercept = (s->sy - s->slope * s->sx) / s->fitted;
}

static const source *smallest_source(const sweep_state *s, const packed *p) {
    const source *best = &s->sources[0];
    for (int64_t i = 1; i < s->source_count; i++) {
        const source *x = &s->sources[i];
        if (x->length < best->length && below(s->words, p->word, x->levels.word)) best = x;
    }
    return best;
}

/* Calls Python with the thread lock held; -1 on an exception. */
static int ask(sweep_state *s, PyObject *callable, int64_t rows, int64_t classes) {
    PyEval_RestoreThread(s->thread);
    int answer = -1;
    if (PyErr_CheckSignals() == 0) {
        PyObject *given = PyObject_CallFunction(callable, "LL", (long long)rows, (long long)classes);
        if (given) {
            answer = PyObject_IsTrue(given);
            Py_DECREF(given);
        }
    }
    s->thread = PyEval_SaveThread();
    return answer;
}

/* Give up rows of a class until the rest satisfies the rules. `take` of the rows order[0..rows) says which stay; the return
 * value is their records, 0 where nothing of at least `minimum` records was found. */
static int64_t trim(sweep_state *s, int64_t *have, int64_t size, const int32_t *order, int64_t rows) {
    rule_set *r = &s->rules;
    for (int turn = 0; turn < TRIM_TURNS; turn++) {
        /* on the histogram alone: how much of each value may stay */
        int64_t left = size;
        memcpy(r->quota, have, (size_t)r->values * sizeof *have);
        double over;
        int value;
        while (left >= s->minimum && (value = rules_shed(r, r->quota, left, &over)) >= 0) {
            int64_t less = (int64_t)(0.125 * over);
            if (less < 1) less = 1;
            if (less > r->quota[value]) less = r->quota[value];
            r->quota[value] -= less, left -= less;
        }
        if (left < s->minimum) return 0;
        /* on the rows, in their order: those that fit into the quotas stay */
        memset(have, 0, (size_t)r->values * sizeof *have);
        size = 0;
        for (int64_t j = 0; j < rows; j++) {
            int32_t at = order[j], row = s->live[at];
            if (!s->take[at]) continue;
            int fits = 1;
            for (int64_t c = r->first[row]; c < r->first[row + 1]; c++)
                fits &= have[r->code[c]] + r->number_of[c] <= r->quota[r->code[c]];
            s->take[at] = (uint8_t)fits;
            if (!fits) continue;
            for (int64_t c = r->first[row]; c < r->first[row + 1]; c++) have[r->code[c]] += r->number_of[c];
            size += s->counts[row];
        }
        if (size < s->minimum) return 0;
        if (rules_hold(r, have, size)) return size;
    }
    return 0;
}

/* Histogram of the class of rows order[from..to) into rules.have. */
static void count_class(sweep_state *s, int64_t from, int64_t to) {
    const rule_set *r = &s->rules;
    memset(r->have, 0, (size_t)r->values * sizeof *r->have);
    for (int64_t j = from; j < to; j++) {
        int32_t row = s->live[s->order[j]];
        for (int64_t cell = r->first[row]; cell < r->first[row + 1]; cell++) r->have[r->code[cell]] += r->number_of[cell];
    }
}

/* Judge the classes that `inspect` found, by the rules: satisfied whole, satisfied in part, or not possible. Classes are trimmed
 * only where the scheme may then release `wanted` records. */
static void apply_rules(sweep_state *s, int64_t rows, int32_t classes, int64_t wanted, look *found) {
    rule_set *r = &s->rules;
    int64_t *start = (int64_t *)s->keys; /* free by now, and of the same width */
    memset(start, 0, ((size_t)classes + 1) * sizeof *start);
    for (int64_t j = 0; j < rows; j++) start[s->group[j] + 1]++;
    for (int32_t c = 0; c < classes; c++) start[c + 1] += start[c];
    for (int64_t j = 0; j < rows; j++) s->order[start[s->group[j]]++] = (int32_t)j;
    int64_t from = 0;
    for (int32_t c = 0; c < classes; c++) {
        int64_t to = start[c], most = s->sizes[c];
        count_class(s, from, to);
        int whole = rules_hold(r, r->have, most);
        if (!whole) most = rules_reachable(r, r->have, most);
        s->satisfied[c] = (uint8_t)whole;
        s->possible[c] = most >= s->minimum;
        found->possible += s->possible[c] ? most : 0;
        for (int64_t j = from; j < to; j++) s->take[s->order[j]] = s->possible[c];
        from = to;
    }
    if (found->possible < wanted) return; /* trimming cannot make it enough */
    from = 0;
    for (int32_t c = 0; c < classes; c++) {
        int64_t to = start[c];
        if (!s->satisfied[c] && s->possible[c]) {
            count_class(s, from, to);
            s->satisfied[c] = trim(s, r->have, s->sizes[c], s->order + from, to - from) > 0;
        }
        from = to;
    }
}

/* ---- the sweep itself -------------------------------------------------------------------------------------------- */

/* Group the rows of the smallest list that can matter, and say what this scheme would release. */
static int inspect(sweep_state *s, const uint8_t *levels, const source *from, int64_t wanted, look *found) {
    const uint64_t *part[MAX_COLUMNS];
    int column[MAX_COLUMNS], used = 0;
    for (int d = 0; d < s->columns; d++) {
        int64_t at = s->start[d * s->depth + levels[d]];
        if (at >= 0) part[used] = s->part + at, column[used++] = d;
    }
    int64_t room = 64;
    while (room < 2 * from->length) room *= 2;
    memset(s->slots, 0xff, (size_t)room * sizeof *s->slots);
    uint64_t mask = (uint64_t)room - 1;
    int64_t n = 0;
    int32_t classes = 0;
    for (int64_t j = 0; j < from->length; j++) {
        int32_t row = from->rows[j];
        if (!s->alive[row]) continue;
        const int32_t *code = s->codes + (int64_t)row * s->columns;
        uint64_t key = 0;
        for (int u = 0; u < used; u++) key ^= part[u][code[column[u]]];
        uint64_t place = (mixed(key) >> 16) & mask;
        int32_t entry;
        while ((entry = s->slots[place]) >= 0 && s->keys[entry] != key) place = (place + 1) & mask;
        if (entry < 0) {
            entry = s->slots[place] = classes++;
            s->keys[entry] = key;
            s->sizes[entry] = 0;
        }
        s->sizes[entry] += s->counts[row];
        s->group[n] = entry;
        s->live[n++] = row;
    }
    /* keep the classes of enough records, renumbered */
    int32_t kept = 0;
    for (int32_t c = 0; c < classes; c++) {
        s->number[c] = s->sizes[c] >= s->minimum ? kept : -1;
        if (s->number[c] >= 0) s->sizes[kept++] = s->sizes[c];
    }
    int64_t m = 0;
    for (int64_t j = 0; j < n; j++) {
        int32_t c = s->number[s->group[j]];
        if (c >= 0) s->live[m] = s->live[j], s->group[m++] = c;
    }
    memset(s->satisfied, 1, (size_t)kept);
    memset(s->possible, 1, (size_t)kept);
    if (s->judge != Py_None && kept > 0 && ask(s, s->judge, m, kept) < 0) return -1;
    memset(found, 0, sizeof *found);
    if (s->rules.count) apply_rules(s, m, kept, wanted, found);
    for (int64_t j = 0; j < m; j++) {
        int32_t row = s->live[j], c = s->group[j];
        if (s->satisfied[c] && (!s->rules.count || s->take[j]))
            s->releasable[found->released_rows++] = row, found->released += s->counts[row];
        if (s->possible[c]) {
            s->live[found->possible_rows++] = row;
            if (!s->rules.count) found->possible += s->counts[row];
        }
    }
    s->checks++;
    return 0;
}

static void bound_listed(sweep_state *s, const packed *p, int64_t possible) {
    for (int64_t k = 0; k < s->schemes; k++)
        if (possible < s->upper[k] && below(s->words, s->packs + k * s->words, p->word)) s->upper[k] = possible;
}

/* The same for a lattice: only the box of less general schemes is visited. */
static void bound_box(sweep_state *s, const uint8_t *levels, int64_t possible) {
    int at[MAX_COLUMNS] = {0}, last = s->columns - 1;
    int64_t from = 0, run = levels[last] - s->bottom[last] + 1;
    for (;;) {
        for (int64_t i = from; i < from + run; i++)
            if (possible < s->upper[i]) s->upper[i] = possible;
        int d = last - 1;
        while (d >= 0 && at[d] == levels[d] - s->bottom[d]) from -= at[d] * s->stride[d], at[d--] = 0;
        if (d < 0) return;
        at[d]++, from += s->stride[d];
    }
}

/* Look at a scheme, and draw the conclusions for every less general one. It is to release `wanted` records, if it can; INT64_MAX
 * where only the conclusions are wanted. 1: the caller's time is over. */
static int check(sweep_state *s, const uint8_t *levels, int64_t wanted, look *found) {
    packed p = pack(s, levels);
    const source *from = smallest_source(s, &p);
    int64_t length = from->length;
    if (inspect(s, levels, from, wanted, found) < 0) return -1;
    fit(s, entropy_of(s, levels), found->possible);
    if (s->cell)
        bound_box(s, levels, found->possible);
    else
        bound_listed(s, &p, found->possible);
    if (2 * found->possible_rows < length && s->stored + found->possible_rows <= s->budget) {
        if (s->source_count == s->source_room) {
            int64_t more = 2 * s->source_room;
            source *grown = realloc(s->sources, (size_t)more * sizeof *grown);
            if (!grown) return -2;
            s->sources = grown, s->source_room = more;
        }
        int32_t *rows = malloc((size_t)(found->possible_rows + 1) * sizeof *rows);
        if (!rows) return -2;
        memcpy(rows, s->live, (size_t)found->possible_rows * sizeof *rows);
        source *kept = &s->sources[s->source_count++];
        kept->levels = p, kept->length = found->possible_rows, kept->rows = rows;
        s->stored += found->possible_rows;
    }
    s->work += length;
    if (s->checks - s->ticked < TICK_CHECKS && s->work < TICK_ROWS) return 0;
    s->ticked = s->checks, s->work = 0;
    return ask(s, s->tick, s->rest, s->checks);
}

/* Generalise `levels` while the share expected to be releasable stays under the given log-odds: a wider box to exclude. */
static void climb(const sweep_state *s, uint8_t *levels, double limit) {
    double entropy = entropy_of(s, levels);
    if (s->fitted <= 20 || s->slope >= 0) return;
    for (;;) {
        double best = -1;
        int column = -1;
        for (int d = 0; d < s->columns; d++) {
            if (levels[d] >= s->top[d]) continue;
            double lost = s->entropy[d * s->depth + levels[d]] - s->entropy[d * s->depth + levels[d] + 1];
            if (s->slope * (entropy - lost) + s->intercept >= limit) continue;
            double score = log((levels[d] + 2.0) / (levels[d] + 1.0)) / (lost + 1e-3);
            if (score > best) best = score, column = d;
        }
        if (column < 0) return;
        entropy -= s->entropy[column * s->depth + levels[column]] - s->entropy[column * s->depth + levels[column] + 1];
        levels[column]++;
    }
}

static double log_odds(double part, double whole) {
    double rest = whole - part;
    return log((part + 0.5) / ((rest > 0 ? rest : 0) + 0.5));
}

/* Try a scheme. 0 go on, 1 time over, negative on an error. Where its bound is still `need` or more afterwards, the scheme itself
 * was looked at last: what it releases is in `found` and `releasable`. */
static int attempt(sweep_state *s, int32_t scheme, int64_t need, look *found) {
    const uint8_t *levels = s->levels + (int64_t)scheme * s->columns;
    const int64_t *upper = s->upper + (s->cell ? s->cell[scheme] : scheme);
    uint8_t wider[MAX_COLUMNS], hub[MAX_COLUMNS];
    size_t width = (size_t)s->columns;
    int end = 0;
    memcpy(wider, levels, width);
    climb(s, wider, log_odds(0.7 * need, (double)s->rest));
    packed p = pack(s, wider);
    int64_t length = smallest_source(s, &p)->length;
    if (length > 1000) { /* a scheme in between whose rows serve many later looks */
        memcpy(hub, wider, width);
        climb(s, hub, log_odds(0.3 * s->rest * length / s->groups, (double)s->rest));
        if (memcmp(hub, wider, width) != 0 && (end = check(s, hub, INT64_MAX, found)) != 0) return end;
        if (*upper < need) return 0;
    }
    if (memcmp(wider, levels, width) != 0) {
        if ((end = check(s, wider, INT64_MAX, found)) != 0) return end;
        if (*upper < need) return 0;
    }
    return check(s, levels, need, found);
}

/* One round: schemes in order, each that releases at least `need` records does so. */
static int round_of(sweep_state *s, int64_t need, int64_t until, int32_t *scheme_of) {
    for (int64_t k = 0; k < s->schemes && s->rest >= s->minimum && s->rest >= until; k++) {
        int64_t *upper = s->upper + (s->cell ? s->cell[k] : k);
        if (*upper < need) continue;
        look found = {0, 0, 0, 0};
        int end = attempt(s, (int32_t)k, need, &found);
        if (end) return end;
        if (*upper < need || found.released < need) continue;
        for (int64_t j = 0; j < found.released_rows; j++) {
            scheme_of[s->releasable[j]] = (int32_t)k;
            s->alive[s->releasable[j]] = 0;
        }
        s->rest -= found.released;
        if (found.possible == found.released) *upper = 0;
    }
    return 0;
}

/* Rounds of falling `need`, each from the least general scheme on; see `sweep.sweep` for the rule. */
int all_rounds(sweep_state *s, double share, int32_t *scheme_of) {
    int64_t need = (int64_t)ceil(share * (double)s->rest);
    if (need < s->minimum) need = s->minimum;
    for (;;) {
        int64_t half = s->rest / 2;
        int end = round_of(s, need, half, scheme_of);
        if (end) return end;
        if (s->rest < s->minimum) return 0;
        if (s->rest < half) {
            need = (int64_t)ceil(share * (double)s->rest);
        } else {
            if (need <= s->minimum) return 0;
            need /= 4;
        }
        if (need < s->minimum) need = s->minimum;
    }
}

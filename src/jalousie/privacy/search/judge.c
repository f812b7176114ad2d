/* Which classes a scheme releases: each model's rule on the counts of a class. Mirrors jalousie.privacy.models. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-12     /* as in the Python models: equal values summed in another order stay equal */

/* One class: its rows, and the `n` values of one sensitive column that occur in it, with counts in scratch[code]. */
typedef struct {
    double size;
    int n;
    const int32_t *code;
    const uint32_t *count;  /* by code */
} Hist;

static double n_log_n(const Problem *p, uint32_t n) {
    return n < p->log_entries ? p->log_table[n] : (double)n * log((double)n);
}

static double entropy(const Problem *p, const Hist *h, int grassberger) {
    double sum = 0;
    for (int i = 0; i < h->n; i++) {
        uint32_t c = h->count[h->code[i]];
        sum += grassberger ? c * p->grassberger[c] : n_log_n(p, c);
    }
    return (grassberger ? p->grassberger[(uint32_t)h->size] : log(h->size)) - sum / h->size;
}

static int falling(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* r1 < c (rl + ... + rm). The tail is the class without its l - 1 commonest values. */
static int recursive(const Rule *r, const Hist *h, uint32_t *sorted) {
    int l = (int)r->second;
    if (h->n < l) return 0;
    for (int i = 0; i < h->n; i++) sorted[i] = h->count[h->code[i]];
    qsort(sorted, (size_t)h->n, sizeof *sorted, falling);
    double tail = h->size;
    for (int i = 0; i < l - 1; i++) tail -= sorted[i];
    return sorted[0] < r->number * tail;
}

/* Total variation in every view of the values; *absent gets the part that no subset of the class can undo. */
static double closeness(Problem *p, const Rule *r, const Hist *h, double *absent) {
    double distance = 0;
    *absent = 0;
    for (int v = 0; v < r->views; v++) {
        double *rows = p->view_scratch;
        const int32_t *view = r->view[v];
        double present = 0, sum = 0;
        for (int i = 0; i < h->n; i++) rows[view[h->code[i]]] += h->count[h->code[i]];
        for (int i = 0; i < h->n; i++) {
            int32_t code = view[h->code[i]];
            if (rows[code] == 0) continue; /* taken with another value of the view */
            double share = r->view_share[v][code];
            sum += fabs(rows[code] / h->size - share) - share;
            present += share;
            rows[code] = 0;
        }
        distance += 0.5 * (1 + sum);
        *absent += 1 - present;
    }
    *absent /= r->views;
    return distance / r->views;
}

static double ordered_closeness(Problem *p, const Rule *r, const Hist *h) {
    int width = r->view_width[0];
    double *rows = p->view_scratch, run = 0, sum = 0;
    if (width < 2) return 0;
    for (int i = 0; i < h->n; i++) rows[r->view[0][h->code[i]]] = h->count[h->code[i]];
    for (int i = 0; i < width; i++) {
        run += rows[i] / h->size - r->view_share[0][i];
        sum += fabs(run);
        rows[i] = 0;
    }
    return sum / (width - 1);
}

/* STATE_ bits that one rule gives a class: SUPPRESSED where it fails, CORE where every part of it fails too. */
static int judge(Problem *p, const Rule *r, const Hist *h) {
    double absent;
    switch (r->operation) {
    case RULE_K: return h->size < r->number ? SUPPRESSED | CORE : 0;
    case RULE_DISTINCT: return h->n < r->number ? SUPPRESSED | CORE : 0;
    case RULE_SHANNON:
    case RULE_GRASSBERGER:
        if (h->n < r->second) return SUPPRESSED | CORE;
        return entropy(p, h, r->operation == RULE_GRASSBERGER) < log(r->number) - TOLERANCE ? SUPPRESSED : 0;
    case RULE_RECURSIVE:
        if (h->n < r->second) return SUPPRESSED | CORE;
        return recursive(r, h, p->sorted) ? 0 : SUPPRESSED;
    case RULE_CLOSENESS:
        if (r->ordered) return ordered_closeness(p, r, h) > r->number + TOLERANCE ? SUPPRESSED : 0;
        if (closeness(p, r, h, &absent) <= r->number + TOLERANCE) return 0;
        return absent > r->number + TOLERANCE ? SUPPRESSED | CORE : SUPPRESSED;
    default: return 0;
    }
}

/* Gather the class's values of one sensitive column into scratch; returns how many different ones. */
static int gather(Problem *p, const Table *source, int column, int64_t slot) {
    const Cells *cells = &source->cells[column];
    int n = 0;
    for (uint32_t i = p->begin[slot]; i < p->begin[slot + 1]; i++) {
        uint32_t row = p->order[i];
        for (uint32_t x = cells->start[row]; x < cells->start[row + 1]; x++) {
            int32_t code = cells->code[x];
            if (p->scratch[code] == 0) p->touched[n++] = code;
            p->scratch[code] += cells->count[x];
        }
    }
    return n;
}

static void judge_classes(Problem *p, const Table *source) {
    const Classes *cl = &p->classes;
    for (int64_t s = 0; s < cl->slots; s++) {
        int state = 0;
        uint32_t size = cl->count[s];
        if (size == 0) {
            p->state[s] = SUPPRESSED;
            continue;
        }
        if (size < p->minimum_size) state = SUPPRESSED | CORE; /* no need to look further */
        for (int column = 0; column < p->sensitive && !state; column++) {
            Hist h = {size, gather(p, source, column, s), p->touched, p->scratch};
            for (int i = 0; i < p->rules && state != (SUPPRESSED | CORE); i++)
                if (p->rule[i].column == column) state |= judge(p, &p->rule[i], &h);
            for (int i = 0; i < h.n; i++) p->scratch[p->touched[i]] = 0;
        }
        p->state[s] = (uint8_t)state;
    }
}

/* Average risk: suppress the smallest classes until classes <= risk * rows holds for the rest; and the rows that any release
   at this or a less general scheme must suppress for it (smallest classes first, one by one, other rules apart). */
static void judge_average(Problem *p, const Rule *r) {
    const Classes *cl = &p->classes;
    double classes = 0, rows = 0, all_classes = 0, all_rows = 0;
    int64_t *kept = p->bucket, *all = p->bucket + p->buckets;
    memset(p->bucket, 0, (size_t)(2 * p->buckets) * sizeof *p->bucket);
    for (int64_t s = 0; s < cl->slots; s++) {
        int64_t size = cl->count[s];
        if (size == 0) continue;
        all_classes++, all_rows += (double)size;
        if (size < p->buckets) all[size]++;
        if (p->state[s] & SUPPRESSED) continue;
        classes++, rows += (double)size;
        if (size < p->buckets) kept[size]++;
    }
    double risk = r->number * (1 + 1e-12);
    int64_t threshold = 1;
    while (threshold < p->buckets && classes > risk * rows) {
        classes -= (double)kept[threshold];
        rows -= (double)(kept[threshold] * threshold);
        threshold++;
    }
    for (int64_t s = 0; s < cl->slots; s++)
        if (cl->count[s] && cl->count[s] < threshold) p->state[s] |= SUPPRESSED;
    int64_t removed = 0;
    for (int64_t size = 1; size < p->buckets; size++)
        for (int64_t left = all[size]; left > 0 && all_classes > risk * all_rows; left--) {
            all_classes--, all_rows -= (double)size;
            removed += size;
        }
    if (removed > p->look.forced) p->look.forced = removed;
}

/* Rows by column and code at the scheme's level, over the classes whose state has `bit`. */
static void tally(Problem *p, int bit, double *rows) {
    const Classes *cl = &p->classes;
    Decoder decoder;
    double *at[MAX_COLUMNS], total = 0;
    int64_t code[MAX_COLUMNS];
    new_decoder(p, &decoder);
    memset(rows, 0, (size_t)p->gone_at[p->columns] * sizeof *rows);
    for (int j = 0; j < decoder.columns; j++) at[j] = rows + p->gone_at[decoder.column[j]];
    for (int64_t s = 0; s < cl->slots; s++) {
        uint32_t size = cl->count[s];
        if (size == 0 || !(p->only_k ? size < p->k : (p->state[s] & bit))) continue;
        decode(p, &decoder, s, code);
        for (int j = 0; j < decoder.columns; j++) at[j][code[j]] += size;
        total += size;
    }
    for (int d = 0; d < p->columns; d++)
        if (p->column[d].width[cl->levels[d]] == 1) rows[p->gone_at[d]] = total;
}

static void sum_up(Problem *p) {
    const Classes *cl = &p->classes;
    Look *look = &p->look;
    int64_t released = 0, rows = 0, lost = 0;
    double squares = 0, kept = 0;
    for (int64_t s = 0; s < cl->slots; s++) {
        int64_t size = cl->count[s];
        int gone = p->state[s] & SUPPRESSED;
        released += !gone;
        rows += gone ? size : 0;
        lost += p->state[s] & CORE ? size : 0;
        squares += (double)size * (double)size;
        kept += gone ? 0.0 : (double)size * (double)size;
    }
    look->released = released, look->suppressed = rows, look->lost = lost;
    look->squares = squares, look->squares_released = kept;
}

/* k-anonymity alone needs no state: a class under k is suppressed, here and below. */
static void sum_up_k(Problem *p) {
    const Classes *cl = &p->classes;
    Look *look = &p->look;
    const uint32_t *count = cl->count, k = p->k;
    uint64_t small = 0, few = 0;
    for (int64_t s = 0; s < cl->slots; s++) {
        uint32_t size = count[s], low = size < k;
        few += low && size;
        small += low ? size : 0;
    }
    look->released = cl->classes - (int64_t)few;
    look->suppressed = look->lost = (int64_t)small;
    if (p->metric == DISCERNIBILITY) {
        double squares = 0, kept = 0;
        for (int64_t s = 0; s < cl->slots; s++) {
            double square = (double)count[s] * (double)count[s];
            squares += square;
            kept += count[s] >= k ? square : 0;
        }
        look->squares = squares, look->squares_released = kept;
    }
}

/* Judge the classes just counted from `source`, and gather what the quality measure needs of those suppressed. */
int look_at(Problem *p, const Table *source) {
    Look *look = &p->look;
    look->classes = p->classes.classes;
    look->forced = 0;
    if (p->only_k) {
        sum_up_k(p);
    } else {
        if (reserve((void **)&p->state, &p->state_capacity, p->classes.slots, sizeof *p->state)) return OUT_OF_MEMORY;
        if (p->sensitive && order_rows(p, source)) return OUT_OF_MEMORY;
        judge_classes(p, source);
        for (int i = 0; i < p->rules; i++)
            if (p->rule[i].operation == RULE_AVERAGE) judge_average(p, &p->rule[i]);
        sum_up(p);
    }
    if (p->metric != LOSS && p->metric != ENTROPY) return 0;
    if (look->lost > p->limit || look->suppressed == 0) return 0;
    look->same = p->monotone;
    if (index_slots(p)) return OUT_OF_MEMORY;
    if (look->suppressed <= p->limit || look->same) tally(p, SUPPRESSED, look->gone);
    if (!look->same) tally(p, CORE, look->core);
    return 0;
}

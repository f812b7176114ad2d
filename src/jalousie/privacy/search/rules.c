/* Rules on the sensitive values of one class; rules.py spells out the same. */
#include "blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DISTINCT = 1, ENTROPY_L = 2, RECURSIVE = 4, CLOSENESS = 5, BISECTIONS = 24 };
#define TOLERANCE 1e-12

/* Mean over the views of the total variation between a histogram and the table. */
static double distance(const rule_set *r, const int64_t *have, double size) {
    double sum = 0;
    for (int v = 0; v < r->views; v++) {
        const int32_t *view = r->view + v * r->values;
        const double *shares = r->shares + v * r->values;
        for (int w = 0; w < r->values; w++) r->mass[w] = 0;
        for (int s = 0; s < r->values; s++) r->mass[view[s]] += (double)have[s];
        for (int w = 0; w < r->values; w++) sum += fabs(r->mass[w] / size - shares[w]);
    }
    return 0.5 * sum / r->views;
}

static int compare_falling(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

int rules_hold(const rule_set *r, const int64_t *have, int64_t size) {
    for (int i = 0; i < r->count; i++) {
        int operation = (int)r->operation[i];
        if (operation == DISTINCT) {
            int distinct = 0;
            for (int s = 0; s < r->values; s++) distinct += have[s] > 0;
            if (distinct < r->number[i]) return 0;
        } else if (operation == ENTROPY_L) {
            double sum = 0;
            for (int s = 0; s < r->values; s++)
                if (have[s] > 0) sum += (double)have[s] * log((double)have[s]);
            if (log((double)size) - sum / size < log(r->number[i]) - TOLERANCE) return 0;
        } else if (operation == RECURSIVE) {
            double tail = 0;
            memcpy(r->sorted, have, (size_t)r->values * sizeof *have);
            qsort(r->sorted, (size_t)r->values, sizeof *have, compare_falling);
            for (int s = (int)r->second[i] - 1; s < r->values; s++) tail += (double)r->sorted[s];
            if (!((double)r->sorted[0] < r->number[i] * tail)) return 0;
        } else if (distance(r, have, (double)size) > r->number[i] + TOLERANCE) {
            return 0;
        }
    }
    return 1;
}

/* Has the class as many different values as l-diversity needs at least? A part has no more. */
static int enough_values(const rule_set *r, const int64_t *have) {
    int distinct = 0;
    for (int s = 0; s < r->values; s++) distinct += have[s] > 0;
    for (int i = 0; i < r->count; i++) {
        int operation = (int)r->operation[i];
        double needed = operation == RECURSIVE ? r->second[i] : operation == CLOSENESS ? 1 : r->number[i];
        if (distinct < needed - 1e-9) return 0;
    }
    return 1;
}

/* The most records that parts of the class can have: 0 with too few values; under t-closeness n so that, in the mean over the views, the sum of
 * min(records of w / n, share of w) stays at least 1 - t. It falls as n grows, and holds for the union of parts, too. */
int64_t rules_reachable(const rule_set *r, const int64_t *have, int64_t size) {
    double t = -1;
    for (int i = 0; i < r->count; i++)
        if ((int)r->operation[i] == CLOSENESS) t = r->number[i];
    if (!enough_values(r, have)) return 0;
    if (t < 0) return size;
    double low = 0, high = (double)size;
    for (int turn = 0; turn < BISECTIONS; turn++) {
        double n = turn ? 0.5 * (low + high) : high, sum = 0;
        for (int v = 0; v < r->views; v++) {
            const int32_t *view = r->view + v * r->values;
            const double *shares = r->shares + v * r->values;
            for (int w = 0; w < r->values; w++) r->mass[w] = 0;
            for (int s = 0; s < r->values; s++) r->mass[view[s]] += (double)have[s];
            for (int w = 0; w < r->values; w++) {
                double q = r->mass[w] / n;
                sum += q < shares[w] ? q : shares[w];
            }
        }
        if (sum / r->views >= 1 - t - 1e-9) low = n; else high = n;
        if (high - low < 0.5) break;
    }
    return (int64_t)high;
}

/* Which value a class has too much of, and by how many records: the commonest, or the one furthest over the table's shares. */
static int surplus(const rule_set *r, const int64_t *have, int64_t size, double *records) {
    int closeness = 0, worst = 0;
    for (int i = 0; i < r->count; i++) closeness |= (int)r->operation[i] == CLOSENESS;
    double most = -1e300;
    double *excess = r->mass + r->values;
    for (int s = 0; s < r->values; s++) excess[s] = closeness ? 0 : (double)have[s] / size;
    for (int v = 0; closeness && v < r->views; v++) {
        const int32_t *view = r->view + v * r->values;
        const double *shares = r->shares + v * r->values;
        for (int w = 0; w < r->values; w++) r->mass[w] = 0;
        for (int s = 0; s < r->values; s++) r->mass[view[s]] += (double)have[s];
        for (int s = 0; s < r->values; s++) excess[s] += (r->mass[view[s]] / size - shares[view[s]]) / r->views;
    }
    for (int s = 0; s < r->values; s++)
        if (have[s] > 0 && excess[s] > most) most = excess[s], worst = s;
    *records = most * size;
    return worst;
}

/* The same where t-closeness is the only rule, in one pass over the views; -1 where it holds. */
static int shed_for_closeness(const rule_set *r, const int64_t *have, int64_t size, double *records) {
    double *gap = r->mass, *excess = r->mass + r->values, sum = 0, most = -1e300;
    int worst = 0;
    for (int s = 0; s < r->values; s++) excess[s] = 0;
    for (int v = 0; v < r->views; v++) {
        const int32_t *view = r->view + v * r->values;
        const double *shares = r->shares + v * r->values;
        for (int w = 0; w < r->values; w++) gap[w] = 0;
        for (int s = 0; s < r->values; s++) gap[view[s]] += (double)have[s];
        for (int w = 0; w < r->values; w++) gap[w] = gap[w] / (double)size - shares[w];
        for (int w = 0; w < r->values; w++) sum += fabs(gap[w]);
        for (int s = 0; s < r->values; s++) excess[s] += gap[view[s]] / r->views;
    }
    if (0.5 * sum / r->views <= r->number[0] + TOLERANCE) return -1;
    for (int s = 0; s < r->values; s++)
        if (have[s] > 0 && excess[s] > most) most = excess[s], worst = s;
    *records = most * (double)size;
    return worst;
}

/* The value to give up records of, and its surplus; -1 where the rules hold. */
int rules_shed(const rule_set *r, const int64_t *have, int64_t size, double *records) {
    if (r->count == 1 && (int)r->operation[0] == CLOSENESS) return shed_for_closeness(r, have, size, records);
    return rules_hold(r, have, size) ? -1 : surplus(r, have, size, records);
}

enum { RULES, VIEW, SHARES, FIRST, CODE, RECORDS };

int rules_read(rule_set *r, const Py_buffer *b, int64_t groups) {
    r->count = (int)(b[RULES].len / 24);
    if (r->count == 0) return 0;
    if (r->count > MAX_RULES || b[RULES].len % 24 || b[FIRST].len != (groups + 1) * 8 || b[SHARES].len < 8) return -1;
    const double *rule = b[RULES].buf;
    for (int i = 0; i < r->count; i++)
        r->operation[i] = rule[3 * i], r->number[i] = rule[3 * i + 1], r->second[i] = rule[3 * i + 2];
    r->first = b[FIRST].buf, r->code = b[CODE].buf, r->number_of = b[RECORDS].buf;
    r->view = b[VIEW].buf, r->shares = b[SHARES].buf;
    if (b[VIEW].len / 4 != b[SHARES].len / 8 || b[CODE].len / 4 != b[RECORDS].len / 8) return -1;
    if (r->values < 1 || (b[VIEW].len / 4) % r->values) return -1;
    r->views = (int)(b[VIEW].len / 4 / r->values);
    for (int64_t i = 0; i < b[VIEW].len / 4; i++)
        if (r->view[i] < 0 || r->view[i] >= r->values) return -1;
    for (int64_t i = 0; i < b[CODE].len / 4; i++)
        if (r->code[i] < 0 || r->code[i] >= r->values) return -1;
    for (int64_t g = 0; g < groups; g++)
        if (r->first[g] > r->first[g + 1]) return -1;
    return r->first[0] == 0 && r->first[groups] == b[CODE].len / 4 ? 0 : -1;
}



int rules_allocate(rule_set *r) {
    if (r->count == 0) return 0;
    size_t values = (size_t)r->values + 1;
    r->have = malloc(values * sizeof *r->have);
    r->quota = malloc(values * sizeof *r->quota);
    r->sorted = malloc(values * sizeof *r->sorted);
    r->mass = malloc(2 * values * sizeof *r->mass);
    return r->have && r->quota && r->sorted && r->mass ? 0 : -1;
}

void rules_free(rule_set *r) { free(r->have), free(r->quota), free(r->sorted), free(r->mass); }

/* Best-first search over the lattice of schemes with box bounds.

   Every scheme has a lower bound of its score, at first in closed form. One look at a scheme raises the bound of all schemes
   below it (rows that no part of their class could release stay suppressed there) and, for measures of class sizes, above it.
   The scheme of the lowest bound is decided next: by looking at it, or at a scheme above it that should exclude it and much
   besides. When no bound is under the best score found, that is the optimum. */
#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_SECONDS 0.05
#define HUB_SHARE 0.3       /* a meeting table pays if it should have under this share of the source's rows */
#define STORE_SHARE 0.3
#define WALKS 12

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* -- looking ------------------------------------------------------------------------------------------------------------------ */

static double log_odds(double rows, double total) { return log((rows + 0.5) / (total - rows + 0.5)); }

/* The table to count from. Where it is large, first try to make a smaller one that recent looks could have shared. */
static int choose_source(Search *s, const uint8_t *levels, const Table **source) {
    Problem *p = s->p;
    *source = smallest_source(p, levels);
    if ((*source)->rows < 3000 || s->size_fit.seen < 3) return 0;
    double most = log(HUB_SHARE * (double)(*source)->rows);
    uint8_t hub[MAX_COLUMNS];
    memcpy(hub, levels, (size_t)p->columns);
    int joined = 0, lower = 0;
    for (int64_t r = s->recents - 1; r >= 0 && r >= s->recents - RECENT; r--) {
        uint8_t meet[MAX_COLUMNS];
        int differs = 0;
        for (int d = 0; d < p->columns; d++) {
            meet[d] = hub[d] < s->recent[r % RECENT][d] ? hub[d] : s->recent[r % RECENT][d];
            if (meet[d] < (*source)->levels[d]) meet[d] = (*source)->levels[d];
            differs |= meet[d] != hub[d];
        }
        if (!differs) {
            joined++;
        } else if (predict(&s->size_fit, p, meet) <= most) {
            memcpy(hub, meet, (size_t)p->columns);
            joined++, lower = 1;
        }
    }
    if (!lower || joined < 2) return 0;
    p->expected = 1.2 * exp(predict(&s->size_fit, p, hub));
    if (count_classes(p, *source, hub)) return OUT_OF_MEMORY;
    learn(&s->size_fit, p, p->entropy, hub, log((double)p->classes.classes + 1));
    if (p->classes.classes > 0.6 * (double)(*source)->rows) return 0;
    if (p->sensitive && order_rows(p, *source)) return OUT_OF_MEMORY;
    int kept = store_table(p, *source);
    if (kept < 0) return kept;
    *source = smallest_source(p, levels);
    return 0;
}

static int note(Search *s, const uint8_t *levels, double score) {
    const Look *look = &s->p->look;
    Result *r = s->result;
    if (r->candidates < r->keep) {
        Candidate *c = &r->candidate[r->candidates++];
        memcpy(c->levels, levels, (size_t)s->p->columns);
        c->score = score, c->suppressed = look->suppressed, c->classes = look->released;
    }
    if (note_tie(s, levels, score)) return OUT_OF_MEMORY;
    if (score < s->best) {
        s->best = score;
        r->found = 1;
        memcpy(r->levels, levels, (size_t)s->p->columns);
    }
    return 0;
}

/* Foresee from this look: rows lost, rows suppressed, classes, and what a suppressed row costs per entry. */
static void learn_from_look(Search *s, const uint8_t *levels) {
    Problem *p = s->p;
    const Look *look = &p->look;
    double n = (double)p->rows, lost = (double)(p->closed ? look->suppressed : look->lost);
    learn(&s->lost, p, p->entropy, levels, log_odds(lost, n));
    learn(&s->gone, p, p->entropy, levels, log_odds((double)look->suppressed, n));
    learn(&s->size_fit, p, p->entropy, levels, log((double)look->classes + 1));
    if ((p->metric != LOSS && p->metric != ENTROPY) || look->lost > p->limit || look->suppressed == 0) return;
    if (look->suppressed > p->limit && !look->same) return;
    for (int d = 0; d < p->columns; d++) {
        const Column *c = &p->column[d];
        const double *row = look->gone + p->gone_at[d];
        double cost = 0;
        if (p->metric == ENTROPY)
            cost = c->power * bits_of_spread(row, c->width[levels[d]]);
        else
            for (int64_t v = 0; v < c->width[levels[d]]; v++) cost += row[v] * (1 - c->share[levels[d]][v]);
        int j = c->first + levels[d];
        s->ratio[j] += (cost / (double)look->suppressed - s->ratio[j]) / ++s->ratio_weight[j];
    }
}

/* Look at one scheme, and draw every conclusion from it. */
int check(Search *s, const uint8_t *levels) {
    Problem *p = s->p;
    int64_t id = index_of(s, levels);
    if (s->checked[id]) return 0;
    const Table *source;
    int error = choose_source(s, levels, &source);
    p->expected = 1.2 * exp(predict(&s->size_fit, p, levels));
    if (!error) error = count_classes(p, source, levels);
    if (!error) error = look_at(p, source);
    if (error) return error;
    s->checked[id] = 1;
    s->result->checked++;
    memcpy(s->recent[s->recents++ % RECENT], levels, (size_t)p->columns);
    int feasible = p->look.suppressed <= p->limit;
    if (feasible && note(s, levels, own_score(s, levels))) return OUT_OF_MEMORY;
    raise_bounds(s, levels);
    s->bound[id] = INFINITY;
    learn_from_look(s, levels);
    if (p->classes.classes > 64 && (double)p->classes.classes < STORE_SHARE * (double)source->rows) {
        error = store_table(p, source);
        if (error < 0) return error;
    }
    double t = now();
    if (t < s->next_tick) return 0;
    s->next_tick = t + TICK_SECONDS;
    return s->tick(s->context, decided_share(s));
}

/* -- choosing what to look at --------------------------------------------------------------------------------------------------- */

/* Score foreseen for a scheme that suppresses `rows`. */
static double foreseen_score(const Search *s, const uint8_t *levels, double rows) {
    const Problem *p = s->p;
    double score = 0;
    for (int d = 0; d < p->columns; d++) {
        int j = p->column[d].first + levels[d];
        if (p->metric == LOSS)
            score += p->column[d].power * log1p(fmax(0, p->base[j] + rows * s->ratio[j] / p->column[d].span));
        else
            score += p->floor[j] + (p->metric == ENTROPY ? rows * s->ratio[j] : 0);
    }
    return score;
}

/* Rows that a scheme above must lose for its look to exclude the scheme `levels`. */
static double rows_to_exclude(const Search *s, const uint8_t *levels) {
    const Problem *p = s->p;
    double n = (double)p->rows, k = (double)p->minimum_size, limit = p->closed ? 0.5 : (double)p->limit + 0.5;
    if (s->best == INFINITY || p->metric == LOSS_FREE || p->metric == ENTROPY_MONOTONE) return limit;
    if (p->metric == DISCERNIBILITY) return fmin(limit, n > k ? (s->best - n * k) / (n - k) : limit);
    if (p->metric == CLASS_SIZE) return fmin(limit, n - k * (n / s->best - 1));
    if (foreseen_score(s, levels, limit) < s->best) return limit;
    double low = 0, high = limit;
    for (int i = 0; i < 24; i++) { /* bisection: the score grows with the rows suppressed */
        double middle = 0.5 * (low + high);
        if (foreseen_score(s, levels, middle) < s->best)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Climb from the scheme to decide, as long as the look is likely to exclude it and excludes more besides. */
static void climb(const Search *s, int64_t id, uint8_t *levels) {
    const Problem *p = s->p;
    double needed = log_odds(fmax(0.25, fmin(rows_to_exclude(s, levels), (double)p->rows)), (double)p->rows);
    double sigma = sqrt(fmin(0.36, fmax(0.01, s->lost.residual))), at = predict(&s->lost, p, levels);
    double value = 0;
    for (;;) {
        int step = -1;
        double reached = value;
        for (int d = 0; d < p->columns; d++) {
            const Column *c = &p->column[d];
            if (levels[d] == c->high) continue;
            int64_t up = id + s->stride[d];
            int j = c->first + levels[d];
            double z = (at + s->lost.entry[j + 1] - s->lost.entry[j] - needed) / sigma;
            if (s->checked[up] || z < 0) continue;
            double worth = 0.5 * erfc(-z * 0.70710678) * s->undecided[up];
            if (worth > reached) reached = worth, step = d;
        }
        if (step < 0) return;
        int j = p->column[step].first + levels[step];
        at += s->lost.entry[j + 1] - s->lost.entry[j];
        levels[step]++;
        id += s->stride[step];
        value = reached;
    }
}

/* Walk down the foreseen scores by single steps and exchanges, to find a good scheme early. */
static void walk(const Search *s, uint8_t *levels) {
    const Problem *p = s->p;
    double limit = log_odds((double)p->limit + 0.5, (double)p->rows);
    double best = INFINITY;
    for (int round = 0; round < 200; round++) {
        int up = -1, down = -1;
        for (int a = -1; a < p->columns; a++)
            for (int b = -1; b < p->columns; b++) {
                if (a == b && (a >= 0 || round > 0)) continue;
                if (a >= 0 && levels[a] == p->column[a].high) continue;
                if (b >= 0 && levels[b] == p->column[b].low) continue;
                if (a >= 0) levels[a]++;
                if (b >= 0) levels[b]--;
                double odds = predict(&s->gone, p, levels);
                double score = odds > limit ? 1e9 + odds : foreseen_score(s, levels, (double)p->rows / (1 + exp(-odds)));
                if (score < best - 1e-12) best = score, up = a, down = b;
                if (a >= 0) levels[a]--;
                if (b >= 0) levels[b]++;
            }
        if (up < 0 && down < 0) {
            if (round > 0) return;
            continue;
        }
        if (up >= 0) levels[up]++;
        if (down >= 0) levels[down]--;
    }
}

static int find_good_scheme(Search *s) {
    Problem *p = s->p;
    uint8_t levels[MAX_COLUMNS] = {0};
    for (int d = 0; d < p->columns; d++) levels[d] = (uint8_t)p->column[d].high;
    int error = check(s, levels), stale = 0;
    for (int d = 0; d < p->columns; d++) levels[d] = (uint8_t)((p->column[d].low + p->column[d].high + 1) / 2);
    if (!error) error = check(s, levels);
    if (p->metric == DISCERNIBILITY || p->metric == CLASS_SIZE) return error;
    for (int i = 0; i < WALKS && stale < 2 && !error; i++) {
        double before = s->best;
        walk(s, levels);
        if (s->checked[index_of(s, levels)]) return 0;
        error = check(s, levels);
        stale = s->best < before ? 0 : stale + 1;
    }
    return error;
}

static int prove(Search *s) {
    Result *r = s->result;
    for (;;) {
        int64_t id = lowest(s);
        double bound = id < 0 ? INFINITY : s->bound[id];
        r->bound = fmin(bound, s->best);
        if (id < 0 || bound >= s->best - SAFETY * fabs(s->best)) {
            r->complete = 1;
            return 0;
        }
        if (s->refreshed < 0 || r->checked - s->refreshed >= s->refresh_every) refresh_undecided(s);
        uint8_t levels[MAX_COLUMNS];
        levels_of(s, id, levels);
        climb(s, id, levels);
        int error = check(s, levels);
        if (error > 0) { /* stopped: the bound after this look */
            id = lowest(s);
            r->bound = id < 0 ? s->best : fmin(s->bound[id], s->best);
        }
        if (error) return error;
    }
}

/* -- set-up ------------------------------------------------------------------------------------------------------------------- */

static double joint_floor(const Problem *p, double classes) {
    double n = (double)p->rows, k = (double)p->minimum_size;
    classes = fmin(classes * (1 + SAFETY), (double)p->tables[0].rows);
    if (p->metric == DISCERNIBILITY) return fmax(n * n / classes, n * k);
    return n / fmin(classes, (double)(p->rows / p->minimum_size + 1));
}

static void first_bounds(Search *s) {
    const Problem *p = s->p;
    int joint = p->metric == DISCERNIBILITY || p->metric == CLASS_SIZE;
    uint8_t levels[MAX_COLUMNS];
    for (int64_t id = 0; id < s->size; id++) {
        double sum = 0, classes = 1;
        levels_of(s, id, levels);
        for (int d = 0; d < p->columns; d++) {
            sum += p->floor[p->column[d].first + levels[d]];
            classes *= (double)p->column[d].width[levels[d]];
        }
        s->bound[id] = joint ? joint_floor(p, classes) : sum;
    }
    for (int64_t b = 0; b < s->blocks; b++) s->coarse[b] = -INFINITY;
}

static void arrange(Search *s) {
    const Problem *p = s->p;
    for (int i = 0; i < p->columns; i++) { /* insertion sort by number of levels allowed */
        int at = i, span = p->column[i].high - p->column[i].low;
        for (; at > 0 && p->column[s->order[at - 1]].high - p->column[s->order[at - 1]].low > span; at--)
            s->order[at] = s->order[at - 1];
        s->order[at] = i;
    }
    s->size = 1;
    for (int i = p->columns - 1; i >= 0; i--) {
        int d = s->order[i];
        s->stride[d] = s->size;
        s->size *= p->column[d].high - p->column[d].low + 1;
    }
    s->blocks = (s->size + BLOCK - 1) / BLOCK;
    s->refreshed = -1;
    s->refresh_every = 8 + s->size * p->columns / 20000;
}

static int prepare(Search *s) {
    const Problem *p = s->p;
    size_t entries = (size_t)p->entries + 1;
    arrange(s);
    s->bound = malloc((size_t)s->size * sizeof *s->bound);
    s->coarse = malloc((size_t)s->blocks * sizeof *s->coarse);
    s->checked = calloc((size_t)s->size, 1);
    s->undecided = malloc((size_t)s->size * sizeof *s->undecided);
    s->ratio = malloc(entries * sizeof *s->ratio);
    s->ratio_weight = malloc(entries * sizeof *s->ratio_weight);
    s->terms = malloc(entries * sizeof *s->terms);
    if (!s->bound || !s->coarse || !s->checked || !s->undecided || !s->ratio || !s->ratio_weight || !s->terms)
        return OUT_OF_MEMORY;
    for (int j = 0; j < p->entries; j++) s->ratio[j] = p->ratio[j], s->ratio_weight[j] = 3;
    int error = new_fit(&s->lost, p, p->entropy, -7, 1);
    if (!error) error = new_fit(&s->gone, p, p->entropy, -7, 1);
    if (!error) error = new_fit(&s->size_fit, p, p->entropy, 0, 0.7);
    if (!error) first_bounds(s);
    return error;
}

/* Returns 0, or OUT_OF_MEMORY or INTERRUPTED. A stop by the tick leaves `complete` 0 and a valid bound. */
int run_search(Problem *p, Result *result, Tick tick, void *context) {
    Search search = {.p = p, .result = result, .tick = tick, .context = context, .best = INFINITY};
    Search *s = &search;
    s->next_tick = now() + TICK_SECONDS;
    int error = prepare(s);
    if (!error) error = find_good_scheme(s);
    if (!error) {
        error = prove(s);
        if (!error) error = settle_ties(s);
    } else if (error > 0) {
        int64_t id = lowest(s);
        result->bound = id < 0 ? s->best : fmin(s->bound[id], s->best);
    }
    result->score = s->best;
    free(s->bound);
    free(s->coarse);
    free(s->checked);
    free(s->undecided);
    free(s->ratio);
    free(s->ratio_weight);
    free(s->terms);
    free(s->tied);
    free_fit(&s->lost);
    free_fit(&s->gone);
    free_fit(&s->size_fit);
    return error > 0 ? 0 : error;
}

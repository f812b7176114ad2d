/* Lower bounds of every scheme's score: what one look proves of the schemes below and above it, and which is lowest now. */
#include "search.h"

#include <math.h>

/* -- bounds ------------------------------------------------------------------------------------------------------------------ */

/* Raise the bounds of the box under `levels`: by the sum of terms[first + level], or by `flat` for all. */
static void raise_below(Search *s, const uint8_t *levels, int i, int64_t id, double sum, const double *terms) {
    const Column *c = &s->p->column[s->order[i]];
    int top = levels[s->order[i]] - c->low;
    const double *term = terms ? terms + c->first + c->low : NULL;
    if (i + 1 < s->p->columns) {
        for (int l = 0; l <= top; l++)
            raise_below(s, levels, i + 1, id + l * s->stride[s->order[i]], terms ? sum + term[l] : sum, terms);
        return;
    }
    double *bound = s->bound + id;
    for (int l = 0; l <= top; l++) {
        double value = terms ? (sum + term[l]) * (1 - SAFETY) : sum;
        if (value > bound[l]) bound[l] = value;
    }
}

static void raise_above(Search *s, const uint8_t *levels, int i, int64_t id, double value) {
    const Column *c = &s->p->column[s->order[i]];
    for (int l = levels[s->order[i]] - c->low; l <= c->high - c->low; l++) {
        int64_t at = id + l * s->stride[s->order[i]];
        if (i + 1 < s->p->columns)
            raise_above(s, levels, i + 1, at, value);
        else if (value > s->bound[at])
            s->bound[at] = value;
    }
}

/* The scheme of the lowest bound; -1 if all are infinite. Bounds only rise, so a block's coarse value is never too high. */
int64_t lowest(Search *s) {
    for (;;) {
        int64_t block = 0;
        for (int64_t b = 1; b < s->blocks; b++)
            if (s->coarse[b] < s->coarse[block]) block = b;
        if (s->coarse[block] == INFINITY) return -1;
        int64_t from = block * BLOCK, to = from + BLOCK < s->size ? from + BLOCK : s->size, at = from;
        for (int64_t i = from + 1; i < to; i++)
            if (s->bound[i] < s->bound[at]) at = i;
        if (s->bound[at] == s->coarse[block]) return s->bound[at] < INFINITY ? at : -1;
        s->coarse[block] = s->bound[at];
    }
}

void refresh_undecided(Search *s) {
    for (int64_t i = 0; i < s->size; i++) s->undecided[i] = s->bound[i] < s->best;
    for (int d = 0; d < s->p->columns; d++) {
        int64_t stride = s->stride[d], span = stride * (s->p->column[d].high - s->p->column[d].low + 1);
        for (int64_t from = 0; from < s->size; from += span)
            for (int64_t i = from + stride; i < from + span; i++) s->undecided[i] += s->undecided[i - stride];
    }
    s->refreshed = s->result->checked;
}

double decided_share(const Search *s) {
    int64_t open = 0;
    for (int64_t i = 0; i < s->size; i++) open += s->bound[i] < s->best;
    return 1 - (double)open / (double)s->size;
}

/* -- quality ------------------------------------------------------------------------------------------------------------------ */

double bits_of_spread(const double *rows, int64_t n) {
    double total = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (rows[i] > 0) total += rows[i], sum += rows[i] * log2(rows[i]);
    }
    return total > 0 ? total * log2(total) - sum : 0;
}

/* Term of entry (d, level) when `rows` (by code of the scheme's own level m) are suppressed; level <= m. */
static double term_with(const Search *s, int d, int m, int level, const double *rows) {
    const Problem *p = s->p;
    const Column *c = &p->column[d];
    const double *row = rows + p->gone_at[d];
    if (p->metric == ENTROPY) return p->floor[c->first + level] + c->power * bits_of_spread(row, c->width[m]);
    double lost = 0;
    const double *covered = c->covered[m][level];
    for (int64_t v = 0; v < c->width[m]; v++) lost += row[v] * (1 - covered[v]);
    double scaled = p->base[c->first + level] + lost / c->span;
    return c->power * log1p(scaled > 0 ? scaled : 0);
}

double own_score(const Search *s, const uint8_t *levels) {
    const Problem *p = s->p;
    const Look *look = &p->look;
    if (p->metric == DISCERNIBILITY) return look->squares_released + (double)look->suppressed * (double)p->rows;
    if (p->metric == CLASS_SIZE) return (double)p->rows / (double)(look->released + (look->released < look->classes));
    int plain = p->metric == LOSS_FREE || p->metric == ENTROPY_MONOTONE || look->suppressed == 0;
    double score = 0;
    for (int d = 0; d < p->columns; d++)
        score += plain ? p->floor[p->column[d].first + levels[d]] : term_with(s, d, levels[d], levels[d], look->gone);
    return score;
}

void raise_bounds(Search *s, const uint8_t *levels) {
    Problem *p = s->p;
    const Look *look = &p->look;
    if (look->lost > p->limit || look->forced > p->limit || (p->closed && look->suppressed > 0)) {
        raise_below(s, levels, 0, 0, INFINITY, NULL);
    } else if (p->metric == DISCERNIBILITY) {
        double value = (double)look->lost * (double)p->rows + (double)(p->rows - look->lost) * (double)p->minimum_size;
        raise_below(s, levels, 0, 0, value * (1 - SAFETY), NULL);
    } else if (p->metric == CLASS_SIZE) {
        double value = (double)p->rows / (double)((p->rows - look->lost) / p->minimum_size + 1);
        raise_below(s, levels, 0, 0, value * (1 - SAFETY), NULL);
    } else if ((p->metric == LOSS || p->metric == ENTROPY) && look->lost > 0) {
        const double *rows = look->same ? look->gone : look->core;
        for (int d = 0; d < p->columns; d++)
            for (int l = p->column[d].low; l <= levels[d]; l++)
                s->terms[p->column[d].first + l] = term_with(s, d, levels[d], l, rows);
        raise_below(s, levels, 0, 0, 0, s->terms);
    }
    if (p->metric == DISCERNIBILITY) raise_above(s, levels, 0, 0, look->squares * (1 - SAFETY));
    if (p->metric == CLASS_SIZE)
        raise_above(s, levels, 0, 0, (double)p->rows / (double)look->classes * (1 - SAFETY));
}

/* Schemes whose scores are equal: the first in lexicographic order of the contract's columns is taken, by both kernels.
   One that suppresses every row comes last. */
#include "search.h"

#include <math.h>
#include <stdlib.h>

/* Place of a scheme in lexicographic order of the contract's columns, and back. */
static int64_t place_of(const Search *s, const uint8_t *levels) {
    int64_t place = 0;
    for (int d = 0; d < s->p->columns; d++) {
        const Column *c = &s->p->column[d];
        place = place * (c->high - c->low + 1) + levels[d] - c->low;
    }
    return place;
}

static void levels_at(const Search *s, int64_t place, uint8_t *levels) {
    for (int d = s->p->columns - 1; d >= 0; d--) {
        const Column *c = &s->p->column[d];
        levels[d] = (uint8_t)(c->low + place % (c->high - c->low + 1));
        place /= c->high - c->low + 1;
    }
}

/* Note a feasible scheme just looked at, if it releases something and is no worse than the best so far. */
int note_tie(Search *s, const uint8_t *levels, double score) {
    if (s->p->look.released == 0 || score > s->best + SAFETY * fabs(s->best)) return 0;
    if (s->tied_count == s->tied_capacity) {
        int64_t room = 2 * s->tied_capacity + 64;
        struct Tied *grown = realloc(s->tied, (size_t)room * sizeof *grown);
        if (grown == NULL) return OUT_OF_MEMORY;
        s->tied = grown, s->tied_capacity = room;
    }
    s->tied[s->tied_count++] = (struct Tied){place_of(s, levels), score};
    return 0;
}

static int by_place(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Places before `first` of the schemes that are not decided and may score at most `most`, in order; NULL without memory. */
static int64_t *open_places(const Search *s, double most, int64_t first, int64_t *count) {
    uint8_t levels[MAX_COLUMNS];
    int64_t n = 0;
    for (int64_t id = 0; id < s->size; id++) n += s->bound[id] <= most;
    int64_t *open = malloc((size_t)(n + 1) * sizeof *open);
    *count = 0;
    for (int64_t id = 0; open != NULL && id < s->size; id++) {
        if (s->bound[id] > most) continue;
        levels_of(s, id, levels);
        int64_t place = place_of(s, levels);
        if (place < first) open[(*count)++] = place;
    }
    if (open != NULL) qsort(open, (size_t)*count, sizeof *open, by_place);
    return open;
}

/* Put the first of the best schemes into the result. Returns 0, OUT_OF_MEMORY or INTERRUPTED. */
int settle_ties(Search *s) {
    Result *r = s->result;
    if (!r->found) return 0;
    double most = s->best + SAFETY * fabs(s->best);
    int64_t first = INT64_MAX, n;
    for (int64_t t = 0; t < s->tied_count; t++)
        if (s->tied[t].score <= most && s->tied[t].place < first) first = s->tied[t].place;
    int64_t *open = open_places(s, most, first, &n);
    if (open == NULL) return OUT_OF_MEMORY;
    int error = 0;
    uint8_t levels[MAX_COLUMNS];
    for (int64_t i = 0; i < n && !error; i++) {
        levels_at(s, open[i], levels);
        if (s->bound[index_of(s, levels)] > most) continue; /* a look at another one has excluded it meanwhile */
        int64_t known = s->tied_count;
        error = check(s, levels);
        if (s->tied_count > known && s->tied[known].score <= most) {
            first = open[i];
            break;
        }
    }
    free(open);
    if (first < INT64_MAX) levels_at(s, first, r->levels);
    return error < 0 ? error : 0;
}

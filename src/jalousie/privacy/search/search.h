/* The state of one search, shared by its bounds (bounds.c) and its choices (search.c). */
#ifndef JALOUSIE_SEARCH_H
#define JALOUSIE_SEARCH_H

#include "kernel.h"

#define SAFETY 1e-9         /* as in metrics.py */
#define BLOCK 256           /* schemes per entry of the coarse minimum */
#define RECENT 48

struct Tied {
    int64_t place;                /* in lexicographic order of the columns */
    double score;
};

typedef struct {
    Problem *p;
    Result *result;
    Tick tick;
    void *context;
    double next_tick;
    int64_t size, stride[MAX_COLUMNS], blocks;
    int order[MAX_COLUMNS]; /* columns by number of levels, the longest last: innermost in memory */
    double *bound, *coarse; /* coarse: per block, no higher than its lowest bound */
    uint8_t *checked;
    int32_t *undecided;     /* schemes at or under each one whose bound is below the best score; refreshed now and then */
    int64_t refreshed, refresh_every;
    double best;
    double *ratio, *ratio_weight; /* per entry: what a suppressed row costs, as seen so far */
    double *terms;
    Fit lost, gone, size_fit;
    struct Tied *tied;            /* feasible schemes that were no worse than the best before them */
    int64_t tied_count, tied_capacity;
    uint8_t recent[RECENT][MAX_COLUMNS];
    int64_t recents;
} Search;

static inline int64_t index_of(const Search *s, const uint8_t *levels) {
    int64_t id = 0;
    for (int d = 0; d < s->p->columns; d++) id += s->stride[d] * (levels[d] - s->p->column[d].low);
    return id;
}

static inline void levels_of(const Search *s, int64_t id, uint8_t *levels) {
    for (int i = 0; i < s->p->columns; i++) {
        int d = s->order[i];
        levels[d] = (uint8_t)(s->p->column[d].low + id / s->stride[d]);
        id %= s->stride[d];
    }
}

/* search.c */
int check(Search *s, const uint8_t *levels);

/* ties.c */
int note_tie(Search *s, const uint8_t *levels, double score);
int settle_ties(Search *s);

/* bounds.c */
int64_t lowest(Search *s);
void refresh_undecided(Search *s);
double decided_share(const Search *s);
double bits_of_spread(const double *rows, int64_t n);
double own_score(const Search *s, const uint8_t *levels);
void raise_bounds(Search *s, const uint8_t *levels);

#endif

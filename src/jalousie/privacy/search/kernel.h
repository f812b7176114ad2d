/* Shared by the parts of the native search kernel. No part holds global state: two threads may search at once. */
#ifndef JALOUSIE_KERNEL_H
#define JALOUSIE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define MAX_COLUMNS 64
#define MAX_LEVELS 32

enum { OUT_OF_MEMORY = -1, INTERRUPTED = -2 };
enum { LOSS, LOSS_FREE, ENTROPY_MONOTONE, ENTROPY, DISCERNIBILITY, CLASS_SIZE };
enum { RULE_K, RULE_DISTINCT, RULE_SHANNON, RULE_GRASSBERGER, RULE_RECURSIVE, RULE_CLOSENESS, RULE_AVERAGE };

/* One quasi-identifier. Codes are dense per level; level 0 holds the values that occur. */
typedef struct {
    int levels, low, high;
    int word, shift, bits;            /* place of the code in a packed key */
    int64_t width[MAX_LEVELS];        /* codes per level */
    const int32_t *map[MAX_LEVELS];   /* value -> code at level */
    const double *share[MAX_LEVELS];  /* code at level -> share of the domain */
    int32_t *step[MAX_LEVELS][MAX_LEVELS];   /* [a][b], a <= b: code at a -> code at b */
    double *covered[MAX_LEVELS][MAX_LEVELS]; /* [a][b], b <= a: code at a -> largest share at b of the values under it */
    int first;                        /* index of level 0 in arrays over all levels of all columns */
    double power, span;               /* Loss: exponent, and the span that a column's loss is scaled by */
} Column;

/* One model. `column` indexes the sensitive columns; the tables serve the closeness rule. */
typedef struct {
    int operation, column, views, ordered;
    double number, second;
    const double *shares;             /* value -> share in the whole table */
    int32_t *view[MAX_LEVELS];        /* value -> code in each view */
    double *view_share[MAX_LEVELS];
    int view_width[MAX_LEVELS];
} Rule;

/* Sensitive cells of the rows of a table: those of row i are start[i] .. start[i+1]-1. */
typedef struct {
    uint32_t *start, *count;
    int32_t *code;
} Cells;

/* Distinct generalised rows with their counts. Table 0 borrows the caller's arrays. */
typedef struct {
    uint8_t levels[MAX_COLUMNS];
    int64_t rows;
    uint64_t *keys;
    uint32_t *counts;
    Cells *cells;
} Table;

/* How classes are numbered while they are counted. The index of a class is the mixed-radix number of its codes.
   DIRECT: the slot is the index. RANKED: the slot is the index's place among those that occur. HASHED: open addressing. */
enum { DIRECT, RANKED, HASHED };

typedef struct {
    uint64_t bits;                    /* which of 64 indices occur */
    uint32_t before;                  /* how many lower ones do */
} Rank;

/* The classes of the scheme just counted. Slots may be empty (count 0). */
typedef struct {
    int mode, indexed;
    int64_t slots, classes;
    uint32_t *count;
    uint64_t *key;                    /* HASHED: key of a slot */
    uint32_t *index;                  /* RANKED: index of a slot, once index_slots was called */
    Rank *rank;
    int64_t ranks;
    uint32_t *slot_of;                /* row of the source -> slot; for DIRECT only filled where sensitive cells are needed */
    uint64_t radix[MAX_COLUMNS];      /* index = sum of code * radix */
    int64_t slot_capacity, key_capacity, index_capacity, rank_capacity;
    uint8_t levels[MAX_COLUMNS];
} Classes;

/* What a look at a scheme yields. `gone` and `core` are rows by column and code at the scheme's level. */
typedef struct {
    int64_t suppressed, lost, forced, released, classes;
    double squares, squares_released;
    double *gone, *core;              /* [column] at offset gone_at[column] */
    int same;                         /* core is gone: every rule is monotone */
} Look;

typedef struct Problem {
    int columns, words, entries;      /* entries: levels of all columns */
    Column column[MAX_COLUMNS];
    int64_t rows, limit, minimum_size;
    int metric, closed;
    const double *floor;              /* per entry: closed-form term */
    const double *base;               /* per entry: column loss without suppression, scaled (Loss only) */
    const double *entropy, *ratio;    /* per entry: entropy in nats; expected cost of a suppressed row. Steering only */
    int rules, sensitive;
    Rule *rule;
    int values[MAX_COLUMNS];          /* of each sensitive column */
    int only_k, average, monotone;
    uint32_t k;
    double *log_table, *grassberger;
    int64_t log_entries, grassberger_entries;

    Table *tables;
    int table_count, table_capacity;
    int64_t budget, used;

    Classes classes;
    double expected;                  /* classes foreseen for the next count; 0 if unknown */
    uint64_t *lookup;                 /* chunk tables of a count */
    int64_t lookup_capacity;
    uint32_t *order, *begin;          /* rows of the source by slot */
    int64_t order_capacity, begin_capacity;
    uint8_t *state;                   /* per slot: STATE_ bits */
    int64_t state_capacity;
    uint32_t *scratch;                /* per value of the widest sensitive column */
    int32_t *touched;
    uint32_t *sorted;
    double *view_scratch;
    int64_t *bucket;                  /* classes by size, for the average risk */
    int64_t buckets;
    int64_t gone_at[MAX_COLUMNS];
    Look look;
} Problem;

enum { SUPPRESSED = 1, CORE = 2 };

/* count.c */
int reserve(void **memory, int64_t *capacity, int64_t wanted, size_t size);
int count_classes(Problem *p, const Table *source, const uint8_t *levels);
int index_slots(Problem *p);

/* Reads the codes of a class: those of the `columns` whose width is above 1, the others have code 0. Division by the radix is a
   product with its inverse, a little too large: exact, since an index has no more than 32 of a double's 53 bits. */
typedef struct {
    int columns, column[MAX_COLUMNS];
    double inverse[MAX_COLUMNS];
    int64_t width[MAX_COLUMNS];
} Decoder;

void new_decoder(const Problem *p, Decoder *decoder);

static inline void decode(const Problem *p, const Decoder *decoder, int64_t slot, int64_t *code) {
    const Classes *cl = &p->classes;
    if (cl->mode == HASHED) {
        const uint64_t *key = cl->key + slot * p->words;
        for (int j = 0; j < decoder->columns; j++) {
            const Column *c = &p->column[decoder->column[j]];
            code[j] = (int64_t)(key[c->word] >> c->shift & (((uint64_t)1 << c->bits) - 1));
        }
        return;
    }
    double index = (double)(cl->mode == RANKED ? (int64_t)cl->index[slot] : slot);
    int64_t above = 0;
    for (int j = 0; j < decoder->columns; j++) {
        int64_t quotient = (int64_t)(index * decoder->inverse[j]);
        code[j] = quotient - above * decoder->width[j];
        above = quotient;
    }
}

/* tables.c */
int order_rows(Problem *p, const Table *source);
int store_table(Problem *p, const Table *source);
const Table *smallest_source(const Problem *p, const uint8_t *levels);
void free_tables(Problem *p);

/* judge.c */
int look_at(Problem *p, const Table *source);

/* steer.c: what to look at next. Guesses only: no result depends on them. */
typedef struct {
    int terms;                        /* intercept, entropy, and (where there are not too many) one per entry */
    double *theta, *covariance, *gain;
    double *entry;                    /* prediction per entry; their sum over the columns plus theta[0] is the prediction */
    double residual;                  /* running mean square of one-step errors */
    int64_t seen;
} Fit;

int new_fit(Fit *fit, const Problem *p, const double *entropy, double intercept, double slope);
void free_fit(Fit *fit);
void learn(Fit *fit, const Problem *p, const double *entropy, const uint8_t *levels, double value);
double predict(const Fit *fit, const Problem *p, const uint8_t *levels);

/* search.c */
typedef struct {
    uint8_t levels[MAX_COLUMNS];
    double score;
    int64_t suppressed, classes;
} Candidate;

typedef struct {
    int found, complete;
    uint8_t levels[MAX_COLUMNS];
    double score, bound;
    int64_t checked;
    int candidates;
    Candidate *candidate;
    int keep;
} Result;

/* Asked about every twentieth of a second with the share of schemes decided: 0 goes on, 1 stops, INTERRUPTED is an exception. */
typedef int (*Tick)(void *context, double share);

int run_search(Problem *p, Result *result, Tick tick, void *context);

#endif

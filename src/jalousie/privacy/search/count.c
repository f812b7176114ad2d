/* Counting the classes of a scheme from a table of less general rows. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define DIRECT_SPACE 2      /* indices per source row up to which counters are addressed directly */
#define RANKED_SPACE 64     /* and up to which a bit per index is cheap */
#define CHUNK_BITS 11       /* columns are looked up together while their codes fit this many bits: 16 KiB a table */
#define FUSE_ROWS 1500      /* below this many rows filling fused tables costs more than it saves */

typedef struct {
    int word, shift, bits;
    int first, last;        /* columns */
    const uint64_t *table;
} Chunk;

int reserve(void **memory, int64_t *capacity, int64_t wanted, size_t size) {
    if (wanted <= *capacity) return 0;
    int64_t room = wanted + wanted / 4 + 64;
    void *grown = malloc((size_t)room * size);
    if (grown == NULL) return OUT_OF_MEMORY;
    free(*memory);
    *memory = grown;
    *capacity = room;
    return 0;
}

/* Columns that lie side by side in one word, fused while they fit; columns that have one value left need no look-up. */
static int plan_chunks(const Problem *p, int fuse, const uint8_t *levels, int skip_constant, Chunk *chunk) {
    int n = 0;
    for (int d = 0; d < p->columns; d++) {
        const Column *c = &p->column[d];
        if (skip_constant && c->width[levels[d]] == 1) continue;
        Chunk *last = n ? &chunk[n - 1] : NULL;
        int end = c->shift + c->bits;
        if (fuse && last && last->word == c->word && end - last->shift <= CHUNK_BITS) {
            last->bits = end - last->shift;
            last->last = d;
        } else {
            chunk[n++] = (Chunk){c->word, c->shift, c->bits, d, d, NULL};
        }
    }
    return n;
}

/* Fill a chunk's table: bits of the source key -> contribution, `unit[d]` for each step of column d's code. */
static void fill_chunk(const Problem *p, const Chunk *chunk, const uint8_t *from, const uint8_t *to, const uint64_t *unit,
                       uint64_t *table) {
    int64_t size = 1;
    table[0] = 0;
    int filled = 0;
    for (int d = chunk->first; d <= chunk->last; d++) {
        const Column *c = &p->column[d];
        int gap = c->shift - chunk->shift - filled; /* bits of columns that were left out do not count */
        for (; gap > 0; gap--, filled++) {
            memcpy(table + size, table, (size_t)size * sizeof *table);
            size *= 2;
        }
        const int32_t *step = c->step[from[d]][to[d]];
        int64_t width = c->width[from[d]], codes = (int64_t)1 << c->bits;
        for (int64_t code = codes - 1; code >= 0; code--) {
            uint64_t add = code < width ? (uint64_t)step[code] * unit[d] : 0;
            uint64_t *part = table + code * size;
            for (int64_t i = 0; i < size; i++) part[i] = table[i] + add;
        }
        size *= codes;
        filled += c->bits;
    }
}

static inline uint64_t spread_bits(uint64_t x) {
    x *= 0x9E3779B97F4A7C15ull;
    return x ^ (x >> 32);
}

static inline uint64_t sum_chunks(const Chunk *chunk, const int n, const uint64_t *key) {
    uint64_t total = 0;
    for (int j = 0; j < n; j++)
        total += chunk[j].table[(key[chunk[j].word] >> chunk[j].shift) & (((uint64_t)1 << chunk[j].bits) - 1)];
    return total;
}

/* The hot loop: `n` and `words` are constants at every call so that the compiler unrolls it. */
static inline void add_direct(Classes *cl, const Table *t, const Chunk *plan, const int n, const int words, int slots) {
    uint32_t *count = cl->count, *slot_of = cl->slot_of;
    const uint64_t *key = t->keys;
    const uint32_t *rows = t->counts;
    Chunk chunk[MAX_COLUMNS];
    memcpy(chunk, plan, (size_t)n * sizeof *chunk);
    if (slots) {
        for (int64_t i = 0; i < t->rows; i++, key += words) {
            uint32_t s = (uint32_t)sum_chunks(chunk, n, key);
            slot_of[i] = s;
            count[s] += rows[i];
        }
    } else {
        for (int64_t i = 0; i < t->rows; i++, key += words) count[sum_chunks(chunk, n, key)] += rows[i];
    }
}

static void count_direct(Problem *p, const Table *t, const Chunk *chunk, int n) {
    Classes *cl = &p->classes;
    int slots = p->sensitive > 0;
    memset(cl->count, 0, (size_t)cl->slots * sizeof *cl->count);
    if (p->words == 1) {
        switch (n) {
        case 1: add_direct(cl, t, chunk, 1, 1, slots); break;
        case 2: add_direct(cl, t, chunk, 2, 1, slots); break;
        case 3: add_direct(cl, t, chunk, 3, 1, slots); break;
        case 4: add_direct(cl, t, chunk, 4, 1, slots); break;
        case 5: add_direct(cl, t, chunk, 5, 1, slots); break;
        case 6: add_direct(cl, t, chunk, 6, 1, slots); break;
        default: add_direct(cl, t, chunk, n, 1, slots);
        }
    } else {
        add_direct(cl, t, chunk, n, p->words, slots);
    }
    int64_t classes = 0;
    for (int64_t s = 0; s < cl->slots; s++) classes += cl->count[s] != 0;
    cl->classes = classes;
}

#if defined(__GNUC__) && defined(__x86_64__)
#define COUNTS_BITS __attribute__((target("popcnt")))
static int counts_bits(void) { return __builtin_cpu_supports("popcnt"); }
#else
#define COUNTS_BITS
static int counts_bits(void) { return 1; }
#endif

/* First pass: the index of every row, and a bit for every index that occurs. */
static inline void mark_indices(Classes *cl, const Table *t, const Chunk *plan, const int n, const int words) {
    uint32_t *index = cl->slot_of;
    Rank *rank = cl->rank;
    const uint64_t *key = t->keys;
    Chunk chunk[MAX_COLUMNS];
    memcpy(chunk, plan, (size_t)n * sizeof *chunk);
    for (int64_t i = 0; i < t->rows; i++, key += words) {
        uint32_t x = index[i] = (uint32_t)sum_chunks(chunk, n, key);
        rank[x >> 6].bits |= (uint64_t)1 << (x & 63);
    }
}

/* Second pass: index -> slot. There is no branch that depends on the data. */
static inline void add_ranked(Classes *cl, const Table *t) {
    const Rank *rank = cl->rank;
    for (int64_t i = 0; i < t->rows; i++) {
        uint32_t x = cl->slot_of[i];
        const Rank *r = &rank[x >> 6];
        uint32_t slot = r->before + (uint32_t)__builtin_popcountll(r->bits & (((uint64_t)1 << (x & 63)) - 1));
        cl->count[slot] += t->counts[i];
        cl->slot_of[i] = slot;
    }
}

static inline int64_t number_ranks(Classes *cl) {
    uint32_t before = 0;
    for (int64_t w = 0; w < cl->ranks; w++) {
        cl->rank[w].before = before;
        before += (uint32_t)__builtin_popcountll(cl->rank[w].bits);
    }
    return before;
}

COUNTS_BITS static void add_ranked_fast(Classes *cl, const Table *t) { add_ranked(cl, t); }
COUNTS_BITS static int64_t number_ranks_fast(Classes *cl) { return number_ranks(cl); }

static int count_ranked(Problem *p, const Table *t, const Chunk *chunk, int n, int64_t space) {
    Classes *cl = &p->classes;
    cl->ranks = space / 64 + 1;
    if (reserve((void **)&cl->rank, &cl->rank_capacity, cl->ranks, sizeof *cl->rank)) return OUT_OF_MEMORY;
    memset(cl->rank, 0, (size_t)cl->ranks * sizeof *cl->rank);
    if (p->words == 1) {
        switch (n) {
        case 1: mark_indices(cl, t, chunk, 1, 1); break;
        case 2: mark_indices(cl, t, chunk, 2, 1); break;
        case 3: mark_indices(cl, t, chunk, 3, 1); break;
        case 4: mark_indices(cl, t, chunk, 4, 1); break;
        case 5: mark_indices(cl, t, chunk, 5, 1); break;
        case 6: mark_indices(cl, t, chunk, 6, 1); break;
        default: mark_indices(cl, t, chunk, n, 1);
        }
    } else {
        mark_indices(cl, t, chunk, n, p->words);
    }
    int fast = counts_bits();
    cl->slots = cl->classes = fast ? number_ranks_fast(cl) : number_ranks(cl);
    if (reserve((void **)&cl->count, &cl->slot_capacity, cl->slots, sizeof *cl->count)) return OUT_OF_MEMORY;
    memset(cl->count, 0, (size_t)cl->slots * sizeof *cl->count);
    if (fast)
        add_ranked_fast(cl, t);
    else
        add_ranked(cl, t);
    cl->indexed = 0;
    return 0;
}

void new_decoder(const Problem *p, Decoder *decoder) {
    decoder->columns = 0;
    for (int d = 0; d < p->columns; d++) {
        int64_t width = p->column[d].width[p->classes.levels[d]];
        if (width == 1) continue;
        int j = decoder->columns++;
        decoder->column[j] = d;
        decoder->width[j] = width;
        decoder->inverse[j] = 1.0 / (double)p->classes.radix[d] * (1 + 0x1p-50);
    }
}

/* Make `index` tell a slot's index, where slots are ranked. */
int index_slots(Problem *p) {
    Classes *cl = &p->classes;
    if (cl->mode != RANKED || cl->indexed) return 0;
    if (reserve((void **)&cl->index, &cl->index_capacity, cl->slots, sizeof *cl->index)) return OUT_OF_MEMORY;
    uint32_t *next = cl->index;
    for (int64_t w = 0; w < cl->ranks; w++)
        for (uint64_t bits = cl->rank[w].bits; bits; bits &= bits - 1)
            *next++ = (uint32_t)(w * 64 + __builtin_ctzll(bits));
    cl->indexed = 1;
    return 0;
}

/* Open addressing; a slot is empty while its count is 0. Chunks of one word lie together, from by_word[w] on.
   Returns 0 when the table turns out too small. */
static inline int add_hashed(Classes *cl, const Table *t, const Chunk *chunk, const int *by_word, const int words,
                             int slots) {
    const uint64_t mask = (uint64_t)cl->slots - 1;
    const int64_t most = cl->slots - cl->slots / 3;
    uint32_t *count = cl->count;
    uint64_t *seen = cl->key;
    const uint64_t *key = t->keys;
    int64_t n = 0;
    for (int64_t i = 0; i < t->rows; i++, key += words) {
        uint64_t made[MAX_COLUMNS], hash = 0;
        for (int w = 0; w < words; w++) {
            made[w] = sum_chunks(chunk + by_word[w], by_word[w + 1] - by_word[w], key);
            hash = spread_bits(hash ^ made[w]);
        }
        uint64_t at = hash & mask;
        for (;; at = (at + 1) & mask) {
            if (count[at] == 0) {
                if (++n > most) return 0;
                for (int w = 0; w < words; w++) seen[at * (uint64_t)words + w] = made[w];
                break;
            }
            int equal = 1;
            for (int w = 0; w < words; w++) equal &= seen[at * (uint64_t)words + w] == made[w];
            if (equal) break;
        }
        count[at] += t->counts[i];
        if (slots) cl->slot_of[i] = (uint32_t)at;
    }
    cl->classes = n;
    return 1;
}

/* The hot loop with one word, its number of chunks constant. */
static int add_hashed_word(Classes *cl, const Table *t, const Chunk *plan, const int n, int slots) {
    const int by_word[2] = {0, n};
    Chunk chunk[MAX_COLUMNS];
    memcpy(chunk, plan, (size_t)n * sizeof *chunk);
    switch (n) {
    case 2: return add_hashed(cl, t, chunk, (const int[]){0, 2}, 1, slots);
    case 3: return add_hashed(cl, t, chunk, (const int[]){0, 3}, 1, slots);
    case 4: return add_hashed(cl, t, chunk, (const int[]){0, 4}, 1, slots);
    case 5: return add_hashed(cl, t, chunk, (const int[]){0, 5}, 1, slots);
    case 6: return add_hashed(cl, t, chunk, (const int[]){0, 6}, 1, slots);
    default: return add_hashed(cl, t, chunk, by_word, 1, slots);
    }
}

static int count_hashed(Problem *p, const Table *t, const Chunk *chunk, int n) {
    Classes *cl = &p->classes;
    int by_word[MAX_COLUMNS + 1];
    for (int w = 0, j = 0; w <= p->words; w++) {
        while (j < n && chunk[j].word < w) j++;
        by_word[w] = w == p->words ? n : j;
    }
    double expected = p->expected > 0 && p->expected < (double)t->rows ? p->expected : (double)t->rows;
    for (cl->slots = 256; (double)cl->slots < 2 * expected;) cl->slots *= 2;
    for (int done = 0; !done; cl->slots *= done ? 1 : 2) {
        if (reserve((void **)&cl->count, &cl->slot_capacity, cl->slots, sizeof *cl->count)) return OUT_OF_MEMORY;
        if (reserve((void **)&cl->key, &cl->key_capacity, cl->slots * p->words, sizeof *cl->key)) return OUT_OF_MEMORY;
        memset(cl->count, 0, (size_t)cl->slots * sizeof *cl->count);
        done = p->words == 1 ? add_hashed_word(cl, t, chunk, n, p->sensitive > 0)
                             : add_hashed(cl, t, chunk, by_word, p->words, p->sensitive > 0);
    }
    return 0;
}

/* Count the classes of a scheme from `source`, whose levels are nowhere higher. How depends on
   the number of possible classes, the product of the widths, against the source's rows. */
int count_classes(Problem *p, const Table *source, const uint8_t *levels) {
    Classes *cl = &p->classes;
    memcpy(cl->levels, levels, (size_t)p->columns);
    double space = 1;
    for (int d = 0; d < p->columns; d++) space *= (double)p->column[d].width[levels[d]];
    double rows = (double)source->rows;
    cl->mode = space <= DIRECT_SPACE * rows + 1024 ? DIRECT
               : space <= RANKED_SPACE * rows && space < 4e9 ? RANKED
                                                             : HASHED;
    uint64_t unit[MAX_COLUMNS], indices = 1;
    for (int d = p->columns - 1; d >= 0; d--) {
        const Column *c = &p->column[d];
        cl->radix[d] = indices;
        unit[d] = cl->mode == HASHED ? (uint64_t)1 << c->shift : indices;
        indices *= (uint64_t)c->width[levels[d]]; /* may overflow where it is not used */
    }
    if (cl->mode == DIRECT) {
        cl->slots = (int64_t)indices;
        if (reserve((void **)&cl->count, &cl->slot_capacity, cl->slots, sizeof *cl->count)) return OUT_OF_MEMORY;
    }
    Chunk chunk[MAX_COLUMNS];
    int n = plan_chunks(p, source->rows >= FUSE_ROWS, levels, cl->mode != HASHED, chunk);
    int64_t entries = 0;
    for (int j = 0; j < n; j++) entries += (int64_t)1 << chunk[j].bits;
    if (reserve((void **)&p->lookup, &p->lookup_capacity, entries, sizeof *p->lookup)) return OUT_OF_MEMORY;
    entries = 0;
    for (int j = 0; j < n; j++) {
        fill_chunk(p, &chunk[j], source->levels, levels, unit, p->lookup + entries);
        chunk[j].table = p->lookup + entries;
        entries += (int64_t)1 << chunk[j].bits;
    }
    if (cl->mode == HASHED) return count_hashed(p, source, chunk, n);
    if (cl->mode == RANKED) return count_ranked(p, source, chunk, n, (int64_t)indices);
    count_direct(p, source, chunk, n);
    return 0;
}

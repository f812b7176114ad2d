/* Counting the classes of a scheme from a smaller table that is already there, and keeping tables to count from. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BITS 11       /* columns are looked up together while their codes fit this many bits: 16 KiB a table */
#define FUSE_ROWS 1500      /* below this many rows filling fused tables costs more than it saves */
#define EMPTY UINT32_MAX

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

/* Chunks of one word lie together; `by_word[w]` is where word w's begin. */
static inline void add_hashed(Classes *cl, const Table *t, const Chunk *chunk, const int *by_word, const int words,
                              int slots) {
    uint32_t mask = (uint32_t)cl->table_capacity - 1, n = 0;
    uint32_t *table = cl->table, *count = cl->count;
    uint64_t *seen = cl->key;
    const uint64_t *key = t->keys;
    for (int64_t i = 0; i < t->rows; i++, key += words) {
        uint64_t made[MAX_COLUMNS], hash = 0;
        for (int w = 0; w < words; w++) {
            made[w] = sum_chunks(chunk + by_word[w], by_word[w + 1] - by_word[w], key);
            hash = spread_bits(hash ^ made[w]);
        }
        uint32_t at = (uint32_t)hash & mask, s;
        for (;; at = (at + 1) & mask) {
            s = table[at];
            if (s == EMPTY) {
                table[at] = s = n++;
                for (int w = 0; w < words; w++) seen[(int64_t)s * words + w] = made[w];
                count[s] = 0;
                break;
            }
            int equal = 1;
            for (int w = 0; w < words; w++) equal &= seen[(int64_t)s * words + w] == made[w];
            if (equal) break;
        }
        count[s] += t->counts[i];
        if (slots) cl->slot_of[i] = s;
    }
    cl->slots = cl->classes = n;
}

static int count_hashed(Problem *p, const Table *t, const Chunk *chunk, int n) {
    Classes *cl = &p->classes;
    int by_word[MAX_COLUMNS + 1];
    for (int w = 0, j = 0; w <= p->words; w++) {
        while (j < n && chunk[j].word < w) j++;
        by_word[w] = w == p->words ? n : j;
    }
    int64_t wanted = 64;
    while (wanted < 2 * t->rows) wanted *= 2;
    if (wanted > cl->table_capacity || wanted * 8 < cl->table_capacity) {
        uint32_t *table = malloc((size_t)wanted * sizeof *table);
        if (table == NULL) return OUT_OF_MEMORY;
        free(cl->table);
        cl->table = table;
        cl->table_capacity = wanted;
    }
    memset(cl->table, 0xff, (size_t)cl->table_capacity * sizeof *cl->table);
    if (reserve((void **)&cl->key, &cl->key_capacity, t->rows * p->words, sizeof *cl->key)) return OUT_OF_MEMORY;
    if (p->words == 1)
        add_hashed(cl, t, chunk, by_word, 1, p->sensitive > 0);
    else
        add_hashed(cl, t, chunk, by_word, p->words, p->sensitive > 0);
    return 0;
}

/* Count the classes of a scheme from `source`, whose levels are nowhere higher. Direct addressing where the product of the
   widths is small against the source, else a hash table. */
int count_classes(Problem *p, const Table *source, const uint8_t *levels) {
    Classes *cl = &p->classes;
    memcpy(cl->levels, levels, (size_t)p->columns);
    double space = 1;
    for (int d = 0; d < p->columns; d++) space *= (double)p->column[d].width[levels[d]];
    cl->direct = space <= 4.0 * (double)source->rows + 1024;
    uint64_t unit[MAX_COLUMNS];
    if (cl->direct) {
        cl->slots = 1;
        for (int d = p->columns - 1; d >= 0; d--) {
            unit[d] = cl->radix[d] = (uint64_t)cl->slots;
            cl->slots *= p->column[d].width[levels[d]];
        }
    } else {
        for (int d = 0; d < p->columns; d++) unit[d] = (uint64_t)1 << p->column[d].shift;
    }
    int64_t slots = cl->direct ? cl->slots : source->rows;
    if (reserve((void **)&cl->count, &cl->slot_capacity, slots, sizeof *cl->count)) return OUT_OF_MEMORY;

    Chunk chunk[MAX_COLUMNS];
    int n = plan_chunks(p, source->rows >= FUSE_ROWS, levels, cl->direct, chunk);
    int64_t entries = 0;
    for (int j = 0; j < n; j++) entries += (int64_t)1 << chunk[j].bits;
    if (reserve((void **)&p->lookup, &p->lookup_capacity, entries, sizeof *p->lookup)) return OUT_OF_MEMORY;
    entries = 0;
    for (int j = 0; j < n; j++) {
        fill_chunk(p, &chunk[j], source->levels, levels, unit, p->lookup + entries);
        chunk[j].table = p->lookup + entries;
        entries += (int64_t)1 << chunk[j].bits;
    }
    if (!cl->direct) return count_hashed(p, source, chunk, n);
    count_direct(p, source, chunk, n);
    return 0;
}

int64_t slot_code(const Problem *p, int64_t slot, int column) {
    const Classes *cl = &p->classes;
    const Column *c = &p->column[column];
    if (cl->direct) return (int64_t)((uint64_t)slot / cl->radix[column] % (uint64_t)c->width[cl->levels[column]]);
    return (int64_t)((cl->key[slot * p->words + c->word] >> c->shift) & (((uint64_t)1 << c->bits) - 1));
}

/* Sort the source's rows by slot (counting sort): those of slot s are order[begin[s]] .. order[begin[s+1]-1]. */
int order_rows(Problem *p, const Table *source) {
    const Classes *cl = &p->classes;
    if (reserve((void **)&p->order, &p->order_capacity, source->rows, sizeof *p->order)) return OUT_OF_MEMORY;
    if (reserve((void **)&p->begin, &p->begin_capacity, cl->slots + 2, sizeof *p->begin)) return OUT_OF_MEMORY;
    memset(p->begin, 0, (size_t)(cl->slots + 2) * sizeof *p->begin);
    uint32_t *place = p->begin + 1; /* after the scatter, begin[s] is where slot s starts */
    for (int64_t i = 0; i < source->rows; i++) place[cl->slot_of[i] + 1]++;
    for (int64_t s = 0; s < cl->slots; s++) place[s + 1] += place[s];
    for (int64_t i = 0; i < source->rows; i++) p->order[place[cl->slot_of[i]]++] = (uint32_t)i;
    return 0;
}

static void free_cells(Cells *cells, int n) {
    for (int j = 0; cells != NULL && j < n; j++) {
        free(cells[j].start);
        free(cells[j].code);
        free(cells[j].count);
    }
    free(cells);
}

static void free_table(Table *t, int sensitive) {
    free(t->keys);
    free(t->counts);
    free_cells(t->cells, sensitive);
}

/* Merge the source's cells of one sensitive column by class. */
static int merge_cells(Problem *p, const Table *source, int column, Cells *made) {
    const Classes *cl = &p->classes;
    const Cells *from = &source->cells[column];
    size_t most = from->start[source->rows];
    made->start = malloc((size_t)(cl->classes + 1) * sizeof *made->start);
    made->code = malloc((most + 1) * sizeof *made->code);
    made->count = malloc((most + 1) * sizeof *made->count);
    if (made->start == NULL || made->code == NULL || made->count == NULL) return OUT_OF_MEMORY;
    uint32_t n = 0;
    int64_t row = 0;
    for (int64_t s = 0; s < cl->slots; s++) {
        if (cl->count[s] == 0) continue;
        made->start[row++] = n;
        uint32_t first = n;
        for (uint32_t i = p->begin[s]; i < p->begin[s + 1]; i++) {
            uint32_t r = p->order[i];
            for (uint32_t x = from->start[r]; x < from->start[r + 1]; x++) {
                int32_t code = from->code[x];
                if (p->scratch[code] == 0) made->code[n++] = code;
                p->scratch[code] += from->count[x];
            }
        }
        for (uint32_t x = first; x < n; x++) {
            made->count[x] = p->scratch[made->code[x]];
            p->scratch[made->code[x]] = 0;
        }
    }
    made->start[row] = n;
    return 0;
}

/* Keep the classes just counted as a table to count from. Returns 1 if it was kept, 0 if the budget is spent. */
int store_table(Problem *p, const Table *source) {
    const Classes *cl = &p->classes;
    int64_t size = cl->classes * (int64_t)(p->words * sizeof(uint64_t) + sizeof(uint32_t));
    for (int j = 0; j < p->sensitive; j++) size += 8 * (int64_t)source->cells[j].start[source->rows] + 4 * cl->classes;
    if (p->table_count == p->table_capacity || p->used + size > p->budget) return 0;
    Table made = {.rows = cl->classes};
    memcpy(made.levels, cl->levels, (size_t)p->columns);
    made.keys = calloc((size_t)(cl->classes * p->words) + 1, sizeof *made.keys);
    made.counts = malloc((size_t)(cl->classes + 1) * sizeof *made.counts);
    made.cells = p->sensitive ? calloc((size_t)p->sensitive, sizeof *made.cells) : NULL;
    if (made.keys == NULL || made.counts == NULL || (p->sensitive && made.cells == NULL)) goto no_memory;
    int64_t row = 0;
    for (int64_t s = 0; s < cl->slots; s++) {
        if (cl->count[s] == 0) continue;
        made.counts[row] = cl->count[s];
        uint64_t *key = made.keys + row++ * p->words;
        if (!cl->direct) {
            memcpy(key, cl->key + s * p->words, (size_t)p->words * sizeof *key);
            continue;
        }
        uint32_t rest = (uint32_t)s;
        for (int d = 0; d < p->columns; d++) {
            uint32_t radix = (uint32_t)cl->radix[d], code = rest / radix;
            rest -= code * radix;
            key[p->column[d].word] |= (uint64_t)code << p->column[d].shift;
        }
    }
    for (int j = 0; j < p->sensitive; j++)
        if (merge_cells(p, source, j, &made.cells[j])) goto no_memory;
    p->tables[p->table_count++] = made;
    p->used += size;
    return 1;
no_memory:
    free_table(&made, p->sensitive);
    return OUT_OF_MEMORY;
}

const Table *smallest_source(const Problem *p, const uint8_t *levels) {
    const Table *best = &p->tables[0];
    for (int t = 1; t < p->table_count; t++) {
        const Table *table = &p->tables[t];
        if (table->rows >= best->rows) continue;
        int below = 1;
        for (int d = 0; d < p->columns && below; d++) below = table->levels[d] <= levels[d];
        if (below) best = table;
    }
    return best;
}

void free_tables(Problem *p) {
    for (int t = 1; t < p->table_count; t++) free_table(&p->tables[t], p->sensitive);
    free(p->tables);
    p->tables = NULL;
    p->table_count = 0;
}

/* Tables of distinct generalised rows that later looks are counted from. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

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
    if (index_slots(p)) return OUT_OF_MEMORY;
    Table made = {.rows = cl->classes};
    memcpy(made.levels, cl->levels, (size_t)p->columns);
    made.keys = calloc((size_t)(cl->classes * p->words) + 1, sizeof *made.keys);
    made.counts = malloc((size_t)(cl->classes + 1) * sizeof *made.counts);
    made.cells = p->sensitive ? calloc((size_t)p->sensitive, sizeof *made.cells) : NULL;
    if (made.keys == NULL || made.counts == NULL || (p->sensitive && made.cells == NULL)) goto no_memory;
    Decoder decoder;
    new_decoder(p, &decoder);
    int64_t row = 0, code[MAX_COLUMNS];
    for (int64_t s = 0; s < cl->slots; s++) {
        if (cl->count[s] == 0) continue;
        made.counts[row] = cl->count[s];
        uint64_t *key = made.keys + row++ * p->words;
        if (cl->mode == HASHED) {
            memcpy(key, cl->key + s * p->words, (size_t)p->words * sizeof *key);
            continue;
        }
        decode(p, &decoder, s, code);
        for (int j = 0; j < decoder.columns; j++) {
            const Column *c = &p->column[decoder.column[j]];
            key[c->word] |= (uint64_t)code[j] << c->shift;
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

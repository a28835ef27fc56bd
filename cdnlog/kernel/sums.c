/* Sums by key: what `aggregate.py` counts in, and all that happens there once per row. */
#include "kernel.h"

enum { MOST_KEYS = 32, MEASURES = 4 }; /* of requests, bytes, hits and lookups */
enum { LOOKUP = 1, HIT = 2 };

/* Cells: a key of some numbers each, and its sums. `slot` has a power of two of places, empty ones hold -1. */
typedef struct {
    i64 slots, capacity; /* places, and cells that there is room for: at most half as many, so the search ends */
    i64 count, keys;     /* cells, and numbers of a key */
    u64 secret;
    i32 *slot;
    i64 *key, *sum;
} Cells;

/* Rows: a key's numbers, in units of so many of what is given; and the measures, each of which may be absent. */
typedef struct {
    i64 rows;
    const i64 *const *value; /* of each of the key's numbers */
    const i64 *unit;
    const i64 *bytes, *weight, *cache;
    const u8 *meaning; /* of each number in `cache`: LOOKUP, HIT or 0 */
} Rows;

static inline i64 floor_of(i64 value, i64 unit) { return value / unit - (value % unit < 0); }

/* Factors that nobody who writes a log can know, one for each of a key's numbers: nobody can choose keys that collide. */
static void set_factors(u64 *factor, const Cells *table) {
    for (i64 k = 0; k < table->keys; k++) factor[k] = folded(table->secret + (u64)k, MIX) | 1;
}

static inline int same(const i64 *one, const i64 *other, i64 keys) {
    u64 differ = 0;
    for (i64 k = 0; k < keys; k++) differ |= (u64)(one[k] ^ other[k]);
    return !differ;
}

/* Where a key is, or belongs, in `slot`. */
static inline i64 place_of(const Cells *table, const i64 *key, const u64 *factor) {
    u64 sum = table->secret;
    for (i64 k = 0; k < table->keys; k++) sum += (u64)key[k] * factor[k];
    const i64 mask = table->slots - 1;
    i64 place = (i64)(folded(sum ^ MIX, table->secret | 1) >> 20) & mask, cell;
    while ((cell = table->slot[place]) >= 0 && !same(table->key + cell * table->keys, key, table->keys))
        place = (place + 1) & mask;
    return place;
}

/* Find the places of all cells anew, in slots that are all empty. */
EXPORT void place_cells(Cells *table) {
    u64 factor[MOST_KEYS];
    set_factors(factor, table);
    for (i64 i = 0; i < table->count; i++) table->slot[place_of(table, table->key + i * table->keys, factor)] = (i32)i;
}

/* Add rows up, from one of them on; return the first that was not: there is no room for its cell, or a sum would not
   fit into 64 bits. */
EXPORT i64 add_rows(Cells *table, const Rows *in, i64 row) {
    i64 key[MOST_KEYS], low[MOST_KEYS], last[MOST_KEYS];
    u64 factor[MOST_KEYS];
    set_factors(factor, table);
    for (i64 k = 0; k < table->keys; k++) {
        const i64 value = row < in->rows ? in->value[k][row] : 0;
        last[k] = floor_of(value, in->unit[k]), low[k] = last[k] * in->unit[k];
    }
    for (; row < in->rows; row++) {
        for (i64 k = 0; k < table->keys; k++) {
            const i64 value = in->value[k][row], unit = in->unit[k];
            if ((u64)value - (u64)low[k] >= (u64)unit) last[k] = floor_of(value, unit), low[k] = last[k] * unit;
            key[k] = last[k];
        }
        const i64 place = place_of(table, key, factor);
        i64 cell = table->slot[place], sent = 0, sum = 0;
        const i64 weight = in->weight ? in->weight[row] : 1;
        const i64 before = cell < 0 ? 0 : table->sum[cell * MEASURES + 1];
        if (__builtin_mul_overflow(in->bytes ? in->bytes[row] : 0, weight, &sent)) return row;
        if (__builtin_add_overflow(before, sent, &sum)) return row;
        if (cell < 0) {
            if ((cell = table->count) == table->capacity) return row;
            table->slot[place] = (i32)cell, table->count++;
            memcpy(table->key + cell * table->keys, key, (size_t)table->keys * sizeof *key);
            memset(table->sum + cell * MEASURES, 0, MEASURES * sizeof *table->sum);
        }
        i64 *sums = table->sum + cell * MEASURES;
        const u8 meaning = in->cache ? in->meaning[in->cache[row]] : 0;
        sums[0] += weight, sums[1] = sum;
        sums[2] += meaning == HIT ? weight : 0, sums[3] += meaning ? weight : 0;
    }
    return row;
}

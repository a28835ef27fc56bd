/* Sums by key: what `aggregate.py` counts in, and all that happens there once per row. */
#include "kernel.h"

enum { MOST_KEYS = 32, MEASURES = 4 }; /* of requests, bytes, hits and lookups */
enum { LOOKUP = 1, HIT = 2 };

/* Cells: a key of some numbers each, and behind it its sums. `slot` has a power of two of places, empty ones hold -1. */
typedef struct {
    i64 slots, capacity; /* places, and cells that there is room for: at most half as many, so the search ends */
    i64 count, keys;     /* cells, and numbers of a key */
    u64 secret;
    i32 *slot;
    i64 *cell;
} Cells;

/* Rows: a key's numbers, in units of so many of what is given; and the measures, each of which may be absent. */
typedef struct {
    i64 rows;
    const i64 *const *value; /* of each of the key's numbers */
    const i64 *unit;
    const i64 *bytes, *weight, *cache;
    const u8 *meaning; /* of each number in `cache`: LOOKUP, HIT or 0 */
} Rows;

/* Some rows on their way: a row's cell is fetched from memory while others are looked at. */
enum { AT_A_TIME = 32 };

typedef struct {
    i64 key[AT_A_TIME][MOST_KEYS];
    i64 place[AT_A_TIME];
} Group;

static inline i64 floor_of(i64 value, i64 unit) { return value / unit - (value % unit < 0); }

/* Factors that nobody who writes a log can know, one for each of a key's numbers: nobody can choose keys that collide. */
static void set_factors(u64 *factor, const Cells *table) {
    for (i64 k = 0; k < table->keys; k++) factor[k] = folded(table->secret + (u64)k, MIX) | 1;
}

static inline i64 first_place(const Cells *table, const i64 *key, const u64 *factor) {
    u64 sum = table->secret;
    for (i64 k = 0; k < table->keys; k++) sum += (u64)key[k] * factor[k];
    return (i64)(folded(sum ^ MIX, table->secret | 1) >> 20) & (table->slots - 1);
}

static inline i64 *cell_at(const Cells *table, i64 number) { return table->cell + number * (table->keys + MEASURES); }

static inline int same(const i64 *one, const i64 *other, i64 keys) {
    u64 differ = 0;
    for (i64 k = 0; k < keys; k++) differ |= (u64)(one[k] ^ other[k]);
    return !differ;
}

/* Where a key is, or belongs, from the first place on that it may have. */
static inline i64 place_of(const Cells *table, const i64 *key, i64 place) {
    i64 number;
    while ((number = table->slot[place]) >= 0 && !same(cell_at(table, number), key, table->keys))
        place = (place + 1) & (table->slots - 1);
    return place;
}

/* Find the places of all cells anew, in slots that are all empty. */
EXPORT void place_cells(Cells *table) {
    u64 factor[MOST_KEYS];
    set_factors(factor, table);
    for (i64 i = 0; i < table->count; i++) {
        const i64 *cell = cell_at(table, i);
        table->slot[place_of(table, cell, first_place(table, cell, factor))] = (i32)i;
    }
}

/* Make the keys of some rows, and have what they need fetched. */
static void look_ahead(const Cells *table, const Rows *in, i64 row, i64 rows, const u64 *factor, Group *group) {
    for (i64 k = 0; k < table->keys; k++) {
        const i64 *value = in->value[k] + row, unit = in->unit[k];
        i64 last = unit == 1 ? 0 : floor_of(value[0], unit), low = last * unit;
        for (i64 i = 0; i < rows; i++) {
            if (unit == 1) last = value[i];
            else if ((u64)value[i] - (u64)low >= (u64)unit) last = floor_of(value[i], unit), low = last * unit;
            group->key[i][k] = last;
        }
    }
    for (i64 i = 0; i < rows; i++) {
        group->place[i] = first_place(table, group->key[i], factor);
        __builtin_prefetch(table->slot + group->place[i]);
    }
    for (i64 i = 0; i < rows; i++) {
        const i64 number = table->slot[group->place[i]];
        if (number >= 0) __builtin_prefetch(cell_at(table, number), 1);
    }
}

/* Add a row to its cell; return whether there is room for that, and its sum fits into 64 bits. */
static inline int add_row(Cells *table, const Rows *in, i64 row, const i64 *key, i64 place) {
    place = place_of(table, key, place);
    const i64 known = table->slot[place], weight = in->weight ? in->weight[row] : 1;
    i64 *cell = cell_at(table, known < 0 ? table->count : known), *sums = cell + table->keys;
    i64 sent = 0, sum = 0;
    if (known < 0 && table->count == table->capacity) return 0;
    if (__builtin_mul_overflow(in->bytes ? in->bytes[row] : 0, weight, &sent)) return 0;
    if (__builtin_add_overflow(known < 0 ? 0 : sums[1], sent, &sum)) return 0;
    if (known < 0) {
        table->slot[place] = (i32)table->count++;
        for (i64 k = 0; k < table->keys; k++) cell[k] = key[k];
        memset(sums, 0, MEASURES * sizeof *sums);
    }
    const u8 meaning = in->cache ? in->meaning[in->cache[row]] : 0;
    sums[0] += weight, sums[1] = sum;
    sums[2] += meaning == HIT ? weight : 0, sums[3] += meaning ? weight : 0;
    return 1;
}

/* Add rows up, from one of them on; return the first that was not: there is no room for its cell, or a sum would not
   fit into 64 bits. */
EXPORT i64 add_rows(Cells *table, const Rows *in, i64 row) {
    u64 factor[MOST_KEYS];
    Group group;
    set_factors(factor, table);
    while (row < in->rows) {
        const i64 rows = in->rows - row < AT_A_TIME ? in->rows - row : AT_A_TIME;
        look_ahead(table, in, row, rows, factor, &group);
        for (i64 i = 0; i < rows; i++, row++)
            if (!add_row(table, in, row, group.key[i], group.place[i])) return row;
    }
    return row;
}

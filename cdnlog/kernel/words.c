/* Texts by number: which of a column's values are equal, and what to find in them. */
#include "kernel.h"

/* The low bytes of a word, 1 to 8 of them. */
static inline u64 low(i64 count) { return ~(u64)0 >> (8 * (8 - count)); }

static inline u64 mix(u64 hash, u64 word) {
    hash = (hash ^ word) * MIX;
    return hash ^ (hash >> 32);
}

/* Eight bytes as one number, zero beyond the end; there is one at least. */
static inline u64 word_of(const u8 *at, i64 length) { return length >= 8 ? word_at(at) : word_at(at) & low(length); }

/* Nobody who writes a log can know the secret, so nobody can choose texts that all fall on one place. */
static u64 hash_of(const u8 *at, i64 length, u64 secret) {
    u64 hash = secret ^ (u64)length;
    for (; length > 0; at += 8, length -= 8) hash = folded(hash ^ word_of(at, length), secret ^ MIX);
    return folded(hash ^ MIX, secret | 1);
}

/* A table of distinct texts. `slot` has a power of two of places, empty ones hold -1. */
typedef struct {
    i64 slots, capacity; /* places, and entries that there is room for: at most half as many, so the search ends */
    i64 count;           /* entries */
    i64 used, room;      /* bytes of `text`, and what there is room for; no room: texts stay where they are */
    u64 secret;
    i64 *slot;
    u64 *hash;
    i64 *start, *length; /* of each entry in `text` */
    u8 *text;
} Table;

static int same(const Table *table, i64 entry, const u8 *at, i64 length) {
    return table->length[entry] == length && !memcmp(table->text + table->start[entry], at, (size_t)length);
}

/* Number equal texts alike, and write the row that each new number was first met in. Return how many new ones there
   are; -1 as soon as one does not fit. */
EXPORT i64 intern(const Slices *in, Table *table, i64 *code, i64 *first) {
    const i64 known = table->count, mask = table->slots - 1;
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        const i64 length = in->length[i];
        const u64 hash = hash_of(at, length, table->secret);
        i64 place = (i64)(hash >> 20) & mask, entry;
        while ((entry = table->slot[place]) >= 0 && (table->hash[entry] != hash || !same(table, entry, at, length)))
            place = (place + 1) & mask;
        if (entry < 0) {
            entry = table->count;
            if (entry == table->capacity || (table->room && table->used + length > table->room)) return -1;
            table->slot[place] = entry, table->hash[entry] = hash, table->length[entry] = length;
            table->start[entry] = table->room ? table->used : in->start[i];
            if (table->room) memcpy(table->text + table->used, at, (size_t)length), table->used += length;
            first[entry - known] = i;
            table->count++;
        }
        code[i] = entry;
    }
    return table->count - known;
}

/* Go on hashing each row by the length and the first `width` words of a text. */
EXPORT void mix_heads(const Slices *in, i64 width, u64 *hash) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        u64 mixed = mix(hash[i], (u64)in->length[i]);
        for (i64 w = 0; w < width; w++) {
            i64 left = in->length[i] - 8 * w;
            mixed = mix(mixed, left > 0 ? word_of(at + 8 * w, left) : 0);
        }
        hash[i] = mixed;
    }
}

/* A number for each line of some bytes, the last of which is a LF: of its first `head` bytes and its length, to which
   `more` bytes belong that were let go of the first one. */
EXPORT void hash_lines(const u8 *data, i64 size, i64 more, i64 head, u64 *hash) {
    for (const u8 *end = data + size; data < end; more = 0) {
        const u8 *lf = memchr(data, '\n', (size_t)(end - data));
        const i64 length = lf - data, part = length < head ? length : head;
        u64 mixed = 0;
        for (i64 at = 0; at < part; at += 8) mixed = mix(mixed, word_of(data + at, part - at));
        *hash++ = mix(mixed, (u64)(length + more));
        data = lf + 1;
    }
}

EXPORT void mix_numbers(const i64 *value, i64 rows, u64 *hash) {
    for (i64 i = 0; i < rows; i++) hash[i] = mix(hash[i], (u64)value[i]);
}

/* Where a byte stands first in each text; its end where it does not. */
EXPORT void find_first(const Slices *in, int byte, i32 *place) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        const i64 length = in->length[i];
        const u8 *found = length > 0 ? memchr(at, byte, (size_t)length) : 0;
        place[i] = found ? (i32)(found - in->data) : in->start[i] + (i32)length;
    }
}

/* Mark texts that hold a byte of the given 256 flags. */
EXPORT void hold_any(const Slices *in, const u8 *flag, u8 *holds) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        u8 any = 0;
        for (i64 k = 0; k < in->length[i]; k++) any |= flag[at[k]];
        holds[i] = any;
    }
}

/* Mark texts that hold something other than printable ASCII, 0x20 to 0x7E. */
EXPORT void hold_odd(const Slices *in, u8 *holds) {
    static const u64 ONES = 0x0101010101010101u, HIGH = 0x8080808080808080u, BLANKS = 0x2020202020202020u;
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        u64 odd = 0;
        for (i64 left = in->length[i]; left > 0; at += 8, left -= 8) {
            u64 word = word_at(at);
            if (left < 8) word = (word & low(left)) | (BLANKS & ~low(left));
            odd |= word | (word + ONES) | (word - BLANKS); /* a carry comes of an odd byte only */
        }
        holds[i] = (odd & HIGH) != 0;
    }
}

/* Copy the texts one behind the other. */
EXPORT void gather(const Slices *in, u8 *out) {
    for (i64 i = 0; i < in->rows; out += in->length[i++]) memcpy(out, in->data + in->start[i], (size_t)in->length[i]);
}

/* Add rows of sums up by their key; `table` has `measures` sums for each key, `rows_of` counts the rows. */
EXPORT void add_up(const i64 *key, i64 rows, const i64 *sums, i64 measures, i64 *table, i64 *rows_of) {
    for (i64 i = 0; i < rows; i++) {
        i64 *to = table + key[i] * measures;
        for (i64 m = 0; m < measures; m++) to[m] += sums[m * rows + i];
        rows_of[key[i]]++;
    }
}

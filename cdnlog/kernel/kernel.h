/* The compiled kernel of cdnlog: the innermost loops over a block's bytes, free of Python.

   Each function does what a function in numpy does, and no more; that one is its specification, and the tests compare
   the two. Nothing here allocates or keeps state.

   Every buffer has `PAD` (64, see `buffer.py`) readable bytes behind its last one, so words and vectors are read whole
   wherever they start; what stands behind a text never changes what is said of it. Lengths are not negative. */
#ifndef CDNLOG_KERNEL_H
#define CDNLOG_KERNEL_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are read as little-endian ones; elsewhere numpy does the work"
#endif

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define EXPORT __attribute__((visibility("default")))

/* Where a column's texts stand in a block: its bytes, and the first byte and the length of each. */
typedef struct {
    const u8 *data;
    const i32 *start;
    const i32 *length;
    i64 rows;
} Slices;

static const u64 MIX = 0x9E3779B97F4A7C15u;

/* Two words as one that nobody can foresee who does not know one of them. */
static inline u64 folded(u64 one, u64 other) {
    __uint128_t product = (__uint128_t)one * other;
    return (u64)product ^ (u64)(product >> 64);
}

static inline int digit(u8 byte) { return (u8)(byte - '0') < 10; }

static inline u64 word_at(const u8 *at) {
    u64 word;
    memcpy(&word, at, 8);
    return word;
}

/* Read 1 to 8 digits, all at once: moved to the high bytes, as numbers, joined by twos, fours and eights; -1 if one is
   none. */
static inline i64 few_digits(const u8 *at, i64 count) {
    const u64 zeros = 0x3030303030303030u << (8 * (8 - count));
    const u64 found = (word_at(at) << (8 * (8 - count))) ^ zeros;
    if (((found + 0x7676767676767676u) | found) & 0x8080808080808080u) return -1;
    u64 sum = (found * 2561) >> 8;
    sum = ((sum & 0x00FF00FF00FF00FFu) * 6553601) >> 16;
    return (i64)(((sum & 0x0000FFFF0000FFFFu) * 42949672960001u) >> 32);
}

/* Read 1 to 18 digits, the last eight of them first; -1 if one is none. */
static inline i64 digits(const u8 *at, i64 count) {
    i64 value = 0, unit = 1;
    for (; count > 8; count -= 8, unit *= 100000000) {
        const i64 part = few_digits(at + count - 8, 8);
        if (part < 0) return -1;
        value += part * unit;
    }
    const i64 head = few_digits(at, count);
    return head < 0 ? -1 : value + head * unit;
}

#endif

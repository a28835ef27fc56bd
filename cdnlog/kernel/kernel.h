/* The compiled kernel of cdnlog: the innermost loops over a block's bytes, free of Python.

   Each function does what a numpy function of the same name does, and no more; that one is its specification, and the
   tests compare the two. Nothing here allocates, keeps state or reads beyond `size + PAD` bytes of a buffer. */
#ifndef CDNLOG_KERNEL_H
#define CDNLOG_KERNEL_H

#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

#define EXPORT __attribute__((visibility("default")))

/* Where a column's texts stand in a block: its bytes, and the first byte and the length of each. */
typedef struct {
    const u8 *data;
    const i64 *start;
    const i64 *length;
    i64 rows;
} Slices;

static inline int digit(u8 byte) { return (u8)(byte - '0') < 10; }

static inline u64 word_at(const u8 *at) {
    u64 word;
    memcpy(&word, at, 8);
    return word;
}

/* Read `count` digits; -1 if one is none. */
static inline i64 digits(const u8 *at, int count) {
    i64 value = 0;
    for (int i = 0; i < count; i++) {
        if (!digit(at[i])) return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

#endif

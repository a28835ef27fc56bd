/* Lines of a block, and the fields of the regular lines of delimited logs, in one walk over the bytes. */
#include "kernel.h"

/* Bytes that are looked at in one step, at most: 32 where AVX2 may be there, 16 with SSE2, 1 in plain C. */
#ifndef WIDEST
#ifdef __SSE2__
#define WIDEST 32
#else
#define WIDEST 1
#endif
#endif

#if WIDEST > 1
#include <immintrin.h>
#endif

enum { QUOTED = 1, MAYBE = 2, BRACKETS = 4 };
enum { LF = 10, CR = 13, QUOTE = '"', BACKSLASH = '\\' };

/* How lines of a format are split: see `formats.Cut` and `formats.Delimited`. */
typedef struct {
    i64 fields, required;
    i64 separator, quote; /* LF where quotes are text as any other */
    i64 backslash, tail;
    i64 comment, longest; /* the byte that a comment begins with, -1 for none; and bytes of a line, at most */
    const i64 *kind;  /* of each field: QUOTED, MAYBE, BRACKETS or 0 */
    const i64 *inner; /* of each field: separators within its brackets */
} Layout;

/* What a mark is. CR ends a line's text where an LF follows; TAB, and what attackers type to trouble a terminal (BEL,
   BS, ESC), are data; no text has any other control. */
enum Kind { CUT, QUOTE_MARK, TYPED, BAD, END, RETURN };

/* The walk: bit i of `bits` is set where byte i of the 64 from `base` on is a mark that is still ahead. */
typedef struct {
    const u8 *data;
    i64 base;
    u64 bits;
    const u8 *kind; /* of every byte that is a mark */
    u8 separator, quotes;
} Cursor;

/* What the walk through a line has seen. */
typedef struct {
    i64 stop; /* where its text ends, -1 while that is ahead */
    int bad;  /* a control byte that no text has */
} Line;

/* Say what each byte is as a mark; a separator may be a control, and quotes that are no marks are given as LF. */
static void set_kinds(u8 *kind, u8 separator, u8 quotes) {
    memset(kind, BAD, 256);
    kind[7] = kind[8] = kind[9] = kind[27] = TYPED;
    kind[quotes] = QUOTE_MARK, kind[separator] = CUT;
    kind[CR] = RETURN, kind[LF] = END;
}

/* Whether a line is one of data: not empty, not too long, no comment, and with neither a BOM nor a blank before it. */
static inline int ordinary(const Layout *layout, u8 first, i64 length) {
    return length > 0 && length <= layout->longest && first != layout->comment && first != 0xEF &&
           first != ' ' && first != '\t';
}

#define INLINE static inline __attribute__((always_inline))

/* The walk is compiled twice: for any processor of this kind, and for those with AVX2. */
#define TARGET
#define WIDE (WIDEST > 1 ? 16 : 1)
#define NAMED(name) name##_plain
#include "walk.h"
#undef NAMED
#undef WIDE
#undef TARGET

#if WIDEST == 32
#define TARGET __attribute__((target("avx2,bmi")))
#define WIDE 32
#define NAMED(name) name##_avx2
#include "walk.h"
#endif

/* Find the lines of a block, of which there are `lines` and the last one ends in LF: where the text of each starts and
   ends, and whether it holds a control byte that no text has. With a layout, split the regular ones too: return their
   number; row r is line `row[r]`, its field j stands at `at[j * lines + r]` and is `length[j * lines + r]` long. */
EXPORT i64 scan(const u8 *data, i64 lines, const Layout *layout, i64 *start, i64 *end, u8 *control, i64 *row, i32 *at,
                i32 *length) {
#if WIDEST == 32
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
        return scan_avx2(data, lines, layout, start, end, control, row, at, length);
#endif
    return scan_plain(data, lines, layout, start, end, control, row, at, length);
}

/* Count the LFs among the first bytes. */
EXPORT i64 count_lines(const u8 *data, i64 size) {
    i64 lines = 0, at = 0;
#if WIDEST > 1
    const __m128i lf = _mm_set1_epi8(LF), zero = _mm_setzero_si128();
    while (size - at >= 16) {
        __m128i sums = zero; /* of a byte each: 255 steps are as many as they can count */
        for (int i = 0; i < 255 && size - at >= 16; i++, at += 16)
            sums = _mm_sub_epi8(sums, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(data + at)), lf));
        sums = _mm_sad_epu8(sums, zero);
        lines += _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
    }
#endif
    for (; at < size; at++) lines += data[at] == LF;
    return lines;
}

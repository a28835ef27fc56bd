/* Lines of a block, and the fields of the regular lines of delimited logs, in one walk over the bytes. */
#include "kernel.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { QUOTED = 1, MAYBE = 2, BRACKETS = 4 };
enum { LF = 10, CR = 13, QUOTE = '"', BACKSLASH = '\\' };

/* How lines of a format are split: see `formats.Cut` and `formats.Delimited`. */
typedef struct {
    i64 fields, required;
    i64 separator, quote; /* LF where quotes are text as any other */
    i64 backslash, tail;
    const i64 *kind;  /* of each field: QUOTED, MAYBE, BRACKETS or 0 */
    const i64 *inner; /* of each field: separators within its brackets */
} Layout;

/* The marks that are still ahead in the 64 bytes from `base` on: bit i stands for byte i. */
typedef struct {
    const u8 *data;
    i64 base;
    u64 control, cut, quote;
    u8 separator, quotes;
} Cursor;

static inline void look(Cursor *c) {
    const u8 *at = c->data + c->base;
    u64 control = 0, cut = 0, quote = 0;
#ifdef __SSE2__
    const __m128i last = _mm_set1_epi8(31), sep = _mm_set1_epi8((char)c->separator), quo = _mm_set1_epi8((char)c->quotes);
    for (int i = 0; i < 64; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(at + i));
        control |= (u64)(u32)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, last), bytes)) << i;
        cut |= (u64)(u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, sep)) << i;
        quote |= (u64)(u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quo)) << i;
    }
#else
    for (int i = 0; i < 64; i++) {
        control |= (u64)(at[i] < 32) << i;
        cut |= (u64)(at[i] == c->separator) << i;
        quote |= (u64)(at[i] == c->quotes) << i;
    }
#endif
    c->control = control & ~cut, c->cut = cut, c->quote = quote;
    if (c->quotes == LF) c->quote = 0;
}

static inline i64 take(Cursor *c, u64 bits) {
    const int i = __builtin_ctzll(bits);
    const u64 ahead = ~(u64)1 << i;
    c->control &= ahead, c->cut &= ahead, c->quote &= ahead;
    return c->base + i;
}

/* The next mark of any kind. */
static inline i64 next(Cursor *c) {
    u64 bits;
    while (!(bits = c->control | c->cut | c->quote)) c->base += 64, look(c);
    return take(c, bits);
}

/* The next mark that is no separator. */
static inline i64 next_but_cuts(Cursor *c) {
    u64 bits;
    while (!(bits = c->control | c->quote)) c->base += 64, look(c);
    return take(c, bits);
}

enum Kind { CUT, QUOTE_MARK, TYPED, BAD, END };

static inline enum Kind kind_of(Cursor *c, i64 mark) {
    const u8 byte = c->data[mark];
    if (byte == c->separator) return CUT;
    if (byte == LF) return END;
    if (byte == c->quotes) return QUOTE_MARK;
    if (byte == CR && c->data[mark + 1] == LF) {
        next_but_cuts(c); /* the LF */
        return END;
    }
    /* TAB, and what attackers type to trouble a terminal (BEL, BS, ESC) are data. */
    return byte == 9 || byte == 27 || byte == 7 || byte == 8 ? TYPED : BAD;
}

/* What the walk through a line has seen. */
typedef struct {
    i64 stop; /* where its text ends, -1 while that is ahead */
    int bad;  /* a control byte that no text has */
} Line;

/* Where the field that starts at `at` ends; -1 if it is not regular. */
static inline i64 field_end(Cursor *c, Line *line, const Layout *layout, i64 j, i64 at, int *wrapped) {
    const u8 *data = c->data;
    i64 kind = layout->kind[j], mark, closing = 0;
    enum Kind found;
    if (kind == MAYBE && data[at] == QUOTE) kind = QUOTED;
    if (kind == QUOTED) {
        if (data[at] != QUOTE) return -1;
        next(c);
        do {
            closing = next_but_cuts(c);
            found = kind_of(c, closing);
        } while (found == TYPED);
        if (found == END) line->stop = closing;
        line->bad |= found == BAD;
        if (found != QUOTE_MARK || (layout->backslash && data[closing - 1] == BACKSLASH)) return -1;
    } else if (kind == BRACKETS) {
        if (data[at] != '[') return -1;
        for (i64 i = 0; i < layout->inner[j]; i++) {
            mark = next(c);
            found = kind_of(c, mark);
            if (found == END) line->stop = mark;
            line->bad |= found == BAD;
            if (found != CUT) return -1;
        }
    }
    mark = next(c);
    found = kind_of(c, mark);
    if (found == END) line->stop = mark;
    line->bad |= found == BAD;
    if (found != CUT && found != END) return -1;
    if (kind == QUOTED && mark != closing + 1) return -1;
    if (kind == BRACKETS && (mark <= at + 1 || data[mark - 1] != ']')) return -1;
    *wrapped = kind == QUOTED || kind == BRACKETS;
    return mark;
}

/* Split the line that starts at `at`; return whether it is regular. */
static int split_line(Cursor *c, Line *line, const Layout *layout, i64 at, i64 *start, i64 *length, i64 stride) {
    for (i64 j = 0; j < layout->fields; j++, start += stride, length += stride) {
        if (line->stop >= 0) {
            if (j < layout->required) return 0;
            *start = line->stop, *length = 0;
            continue;
        }
        int wrapped = 0;
        const i64 end = field_end(c, line, layout, j, at, &wrapped);
        if (end < 0) return 0;
        *start = at + wrapped, *length = end - at - 2 * wrapped;
        at = end + 1;
    }
    return layout->tail || line->stop >= 0;
}

/* Find the lines of a block, of which there are `lines` and the last one ends in LF: where the text of each starts and
   ends, and whether it holds a control byte that no text has. With a layout, split the regular ones too: return their
   number; row r is line `row[r]`, its field j stands at `at[j * lines + r]` and is `length[j * lines + r]` long. */
EXPORT i64 scan(const u8 *data, i64 lines, const Layout *layout, i64 *start, i64 *end, u8 *control, i64 *row, i64 *at,
                i64 *length) {
    Cursor c = {data, 0, 0, 0, 0, LF, LF};
    if (layout) c.separator = (u8)layout->separator, c.quotes = (u8)layout->quote;
    else c.separator = 0xFF; /* in no control's place: what it cuts is never looked at */
    i64 rows = 0, begin = 0;
    look(&c);
    for (i64 i = 0; i < lines; i++) {
        Line line = {-1, 0};
        const int regular = layout && split_line(&c, &line, layout, begin, at + rows, length + rows, lines);
        while (line.stop < 0) {
            const i64 mark = next_but_cuts(&c);
            const enum Kind found = kind_of(&c, mark);
            if (found == END) line.stop = mark;
            line.bad |= found == BAD;
        }
        if (regular && !line.bad) row[rows++] = i;
        start[i] = begin, end[i] = line.stop, control[i] = (u8)line.bad;
        begin = line.stop + 1 + (data[line.stop] == CR);
    }
    return rows;
}

EXPORT i64 count_lines(const u8 *data, i64 size) {
    i64 lines = 0, at = 0;
#ifdef __SSE2__
    const __m128i lf = _mm_set1_epi8(LF), zero = _mm_setzero_si128();
    while (size - at >= 16) {
        __m128i sums = zero;
        for (int i = 0; i < 255 && size - at >= 16; i++, at += 16)
            sums = _mm_sub_epi8(sums, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(data + at)), lf));
        sums = _mm_sad_epu8(sums, zero);
        lines += _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
    }
#endif
    for (; at < size; at++) lines += data[at] == LF;
    return lines;
}

/* Tells which sources this was made of. */
EXPORT u32 source_mark(void) { return SOURCE_MARK; }

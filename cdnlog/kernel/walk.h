/* The walk over a block, once per instruction set: `lines.c` includes this with another TARGET, NAMED and WIDE. */

/* Note the marks in the 64 bytes from `base` on: controls, separators and quotes. */
TARGET INLINE void NAMED(look)(Cursor *c) {
    const u8 *at = c->data + c->base;
    u64 bits = 0;
#if WIDE == 32
    const __m256i last = _mm256_set1_epi8(31), sep = _mm256_set1_epi8((char)c->separator);
    const __m256i quo = _mm256_set1_epi8((char)c->quotes);
    for (int i = 0; i < 64; i += 32) {
        const __m256i bytes = _mm256_loadu_si256((const __m256i *)(at + i));
        const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last), bytes);
        const __m256i text = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, sep), _mm256_cmpeq_epi8(bytes, quo));
        bits |= (u64)(u32)_mm256_movemask_epi8(_mm256_or_si256(control, text)) << i;
    }
#elif WIDE == 16
    const __m128i last = _mm_set1_epi8(31), sep = _mm_set1_epi8((char)c->separator);
    const __m128i quo = _mm_set1_epi8((char)c->quotes);
    for (int i = 0; i < 64; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(at + i));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last), bytes);
        const __m128i text = _mm_or_si128(_mm_cmpeq_epi8(bytes, sep), _mm_cmpeq_epi8(bytes, quo));
        bits |= (u64)(u32)_mm_movemask_epi8(_mm_or_si128(control, text)) << i;
    }
#else
    for (int i = 0; i < 64; i++) bits |= (u64)(at[i] < 32 || at[i] == c->separator || at[i] == c->quotes) << i;
#endif
    c->bits = bits;
}

/* Where the next mark is; the last byte of a block is one. */
TARGET INLINE i64 NAMED(next)(Cursor *c) {
    while (!c->bits) c->base += 64, NAMED(look)(c);
    const i64 mark = c->base + __builtin_ctzll(c->bits);
    c->bits &= c->bits - 1;
    return mark;
}

TARGET INLINE enum Kind NAMED(kind_of)(Cursor *c, Line *line, i64 mark) {
    enum Kind kind = c->kind[c->data[mark]];
    if (kind == RETURN) {
        kind = c->data[mark + 1] == LF ? END : BAD;
        if (kind == END) NAMED(next)(c); /* the LF */
    }
    if (kind == END) line->stop = mark;
    line->bad |= kind == BAD;
    return kind;
}

/* Where the field that starts at `at` ends, `mark` being the first mark from there on; -1 if it is not regular. */
TARGET static i64 NAMED(field_end)(Cursor *c, Line *line, const Layout *layout, i64 j, i64 at, i64 mark, int *wrapped) {
    const u8 *data = c->data;
    i64 kind = layout->kind[j], closing = 0;
    enum Kind found;
    if (kind == MAYBE && data[at] == QUOTE) kind = QUOTED;
    if (kind == QUOTED) {
        if (data[at] != QUOTE) {
            NAMED(kind_of)(c, line, mark);
            return -1;
        }
        do {
            closing = NAMED(next)(c);
            found = NAMED(kind_of)(c, line, closing);
        } while (found == CUT || found == TYPED);
        if (found != QUOTE_MARK || (layout->backslash && data[closing - 1] == BACKSLASH)) return -1;
        mark = NAMED(next)(c);
    } else if (kind == BRACKETS) {
        for (i64 i = 0; i < layout->inner[j]; i++, mark = NAMED(next)(c))
            if (NAMED(kind_of)(c, line, mark) != CUT) return -1;
    }
    found = NAMED(kind_of)(c, line, mark);
    if (found != CUT && found != END) return -1;
    if (kind == QUOTED && mark != closing + 1) return -1;
    if (kind == BRACKETS && (data[at] != '[' || data[mark - 1] != ']')) return -1;
    *wrapped = kind == QUOTED || kind == BRACKETS;
    return mark;
}

/* Split the line that starts at `at`; return whether it is regular. */
TARGET INLINE int NAMED(split_line)(Cursor *c, Line *line, const Layout *layout, i64 at, i32 *start, i32 *length,
                                    i64 stride) {
    for (i64 j = 0; j < layout->fields; j++, start += stride, length += stride) {
        if (line->stop >= 0) {
            if (j < layout->required) return 0;
            *start = (i32)line->stop, *length = 0;
            continue;
        }
        i64 end = NAMED(next)(c);
        int wrapped = 0;
        if (layout->kind[j] || c->kind[c->data[end]] != CUT) { /* all else is a bare field that a separator ends */
            Cursor ahead = *c; /* a copy, so that the other one stays in registers */
            end = NAMED(field_end)(&ahead, line, layout, j, at, end, &wrapped);
            c->base = ahead.base, c->bits = ahead.bits;
            if (end < 0) return 0;
        }
        *start = (i32)(at + wrapped), *length = (i32)(end - at - 2 * wrapped);
        at = end + 1;
    }
    return layout->tail || line->stop >= 0;
}

TARGET static i64 NAMED(scan)(const u8 *data, i64 lines, const Layout *layout, i64 *start, i64 *end, u8 *control,
                              i64 *row, i32 *at, i32 *length) {
    const u8 separator = layout ? (u8)layout->separator : LF, quotes = layout ? (u8)layout->quote : LF;
    u8 kind[256];
    set_kinds(kind, separator, quotes);
    Cursor c = {data, 0, 0, kind, separator, quotes};
    i64 rows = 0, begin = 0;
    NAMED(look)(&c);
    for (i64 i = 0; i < lines; i++) {
        Line line = {-1, 0};
        const int regular = layout && NAMED(split_line)(&c, &line, layout, begin, at + rows, length + rows, lines);
        while (line.stop < 0) NAMED(kind_of)(&c, &line, NAMED(next)(&c));
        if (regular && !line.bad && ordinary(layout, data[begin], line.stop - begin)) row[rows++] = i;
        start[i] = begin, end[i] = line.stop, control[i] = (u8)line.bad;
        begin = line.stop + 1 + (data[line.stop] == CR);
    }
    return rows;
}

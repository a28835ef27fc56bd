/* The walk over a block, once per instruction set: `lines.c` includes this with another TARGET, NAMED and WIDE. */

/* Note the marks in the 64 bytes from `base` on. */
TARGET static inline void NAMED(look)(Cursor *c) {
    const u8 *at = c->data + c->base;
    u64 control = 0, cut = 0, quote = 0;
#if WIDE == 32
    const __m256i last = _mm256_set1_epi8(31), sep = _mm256_set1_epi8((char)c->separator);
    const __m256i quo = _mm256_set1_epi8((char)c->quotes);
    for (int i = 0; i < 64; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(at + i));
        control |= (u64)(u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last), bytes)) << i;
        cut |= (u64)(u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, sep)) << i;
        quote |= (u64)(u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, quo)) << i;
    }
#elif WIDE == 16
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
    c->control = control & ~cut, c->cut = cut, c->quote = c->quotes == LF ? 0 : quote;
}

/* The next mark of any kind. */
TARGET static inline i64 NAMED(next)(Cursor *c) {
    u64 bits;
    while (!(bits = c->control | c->cut | c->quote)) c->base += 64, NAMED(look)(c);
    return take(c, bits);
}

/* The next mark that is no separator. */
TARGET static inline i64 NAMED(next_but_cuts)(Cursor *c) {
    u64 bits;
    while (!(bits = c->control | c->quote)) c->base += 64, NAMED(look)(c);
    return take(c, bits);
}

TARGET static inline enum Kind NAMED(kind_of)(Cursor *c, i64 mark) {
    const u8 byte = c->data[mark];
    if (byte == c->separator) return CUT;
    if (byte == LF) return END;
    if (byte == c->quotes) return QUOTE_MARK;
    if (byte == CR && c->data[mark + 1] == LF) {
        NAMED(next_but_cuts)(c); /* the LF */
        return END;
    }
    /* TAB, and what attackers type to trouble a terminal (BEL, BS, ESC) are data. */
    return byte == 9 || byte == 27 || byte == 7 || byte == 8 ? TYPED : BAD;
}

/* Where the field that starts at `at` ends; -1 if it is not regular. */
TARGET static inline i64 NAMED(field_end)(Cursor *c, Line *line, const Layout *layout, i64 j, i64 at, int *wrapped) {
    const u8 *data = c->data;
    i64 kind = layout->kind[j], mark, closing = 0;
    enum Kind found;
    if (kind == MAYBE && data[at] == QUOTE) kind = QUOTED;
    if (kind == QUOTED) {
        if (data[at] != QUOTE) return -1;
        NAMED(next)(c);
        do {
            closing = NAMED(next_but_cuts)(c);
            found = NAMED(kind_of)(c, closing);
        } while (found == TYPED);
        if (found == END) line->stop = closing;
        line->bad |= found == BAD;
        if (found != QUOTE_MARK || (layout->backslash && data[closing - 1] == BACKSLASH)) return -1;
    } else if (kind == BRACKETS) {
        if (data[at] != '[') return -1;
        for (i64 i = 0; i < layout->inner[j]; i++) {
            mark = NAMED(next)(c);
            found = NAMED(kind_of)(c, mark);
            if (found == END) line->stop = mark;
            line->bad |= found == BAD;
            if (found != CUT) return -1;
        }
    }
    mark = NAMED(next)(c);
    found = NAMED(kind_of)(c, mark);
    if (found == END) line->stop = mark;
    line->bad |= found == BAD;
    if (found != CUT && found != END) return -1;
    if (kind == QUOTED && mark != closing + 1) return -1;
    if (kind == BRACKETS && (mark <= at + 1 || data[mark - 1] != ']')) return -1;
    *wrapped = kind == QUOTED || kind == BRACKETS;
    return mark;
}

/* Split the line that starts at `at`; return whether it is regular. */
TARGET static int NAMED(split_line)(Cursor *c, Line *line, const Layout *layout, i64 at, i32 *start, i32 *length, i64 stride) {
    for (i64 j = 0; j < layout->fields; j++, start += stride, length += stride) {
        if (line->stop >= 0) {
            if (j < layout->required) return 0;
            *start = (i32)line->stop, *length = 0;
            continue;
        }
        int wrapped = 0;
        const i64 end = NAMED(field_end)(c, line, layout, j, at, &wrapped);
        if (end < 0) return 0;
        *start = (i32)(at + wrapped), *length = (i32)(end - at - 2 * wrapped);
        at = end + 1;
    }
    return layout->tail || line->stop >= 0;
}

TARGET static i64 NAMED(scan)(const u8 *data, i64 lines, const Layout *layout, i64 *start, i64 *end, u8 *control, i64 *row, i32 *at,
                i32 *length) {
    Cursor c = {data, 0, 0, 0, 0, LF, LF};
    if (layout) c.separator = (u8)layout->separator, c.quotes = (u8)layout->quote;
    else c.separator = 0xFF; /* in no control's place: what it cuts is never looked at */
    i64 rows = 0, begin = 0;
    NAMED(look)(&c);
    for (i64 i = 0; i < lines; i++) {
        Line line = {-1, 0};
        const int regular = layout && NAMED(split_line)(&c, &line, layout, begin, at + rows, length + rows, lines);
        while (line.stop < 0) {
            const i64 mark = NAMED(next_but_cuts)(&c);
            const enum Kind found = NAMED(kind_of)(&c, mark);
            if (found == END) line.stop = mark;
            line.bad |= found == BAD;
        }
        if (regular && !line.bad) row[rows++] = i;
        start[i] = begin, end[i] = line.stop, control[i] = (u8)line.bad;
        begin = line.stop + 1 + (data[line.stop] == CR);
    }
    return rows;
}

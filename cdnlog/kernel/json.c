/* Where the values of JSON objects stand, one object per line; lines that are not plainly that are left to others. */
#include "kernel.h"

enum { DEEPEST = 60 };

/* The keys that are asked for, as a tree: child c of a node has the key `key[c]` and is either value number
   `target[c]` or, below zero, the node -`target[c]`. */
typedef struct {
    i64 width;                 /* values of a row */
    const i64 *first, *count;  /* of each node: its first child, and how many it has */
    const i64 *key, *length;   /* of each child: where its key stands in `text` */
    const i64 *target;
    const i64 *below; /* of a child that is a node: the values behind it are `below[2c]` to `below[2c + 1]` */
    const u8 *text;
} Tree;

typedef struct {
    const u8 *data;
    const Tree *tree;
    i32 *start, *end; /* of the values of this row, `stride` apart */
    i64 stride;
} Row;

static inline i64 blanks(const u8 *data, i64 at) {
    while (data[at] == ' ' || data[at] == '\t') at++;
    return at;
}

/* Each of these takes the place where something starts and returns the one behind it, -1 if it is not that. A line
   ends in a byte below 32, which is part of nothing. */

static inline i64 text_end(const u8 *data, i64 at, int *escaped) {
    static const u64 ONES = 0x0101010101010101u, HIGH = 0x8080808080808080u;
    for (;;) {
        u64 word = word_at(data + at), quote = word ^ ('"' * ONES), slash = word ^ ('\\' * ONES);
        u64 found = (((word - 0x20 * ONES) & ~word) | ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash)) & HIGH;
        at += found ? __builtin_ctzll(found) >> 3 : 8;
        if (!found) continue;
        if (data[at] == '"') return at + 1;
        if (data[at] != '\\') return -1;
        *escaped = 1;
        u8 what = data[at + 1];
        if (what == 'u') {
            for (int i = 2; i < 6; i++)
                if (!digit(data[at + i]) && (u8)((data[at + i] | 0x20) - 'a') >= 6) return -1;
            at += 6;
        } else {
            if (what < 32 || !strchr("\"\\/bfnrt", what)) return -1;
            at += 2;
        }
    }
}

static i64 digits_end(const u8 *data, i64 at) {
    if (!digit(data[at])) return -1;
    while (digit(data[at])) at++;
    return at;
}

static i64 number_end(const u8 *data, i64 at) {
    if (data[at] == '-') at++;
    if (data[at] == '0') at++;
    else if ((at = digits_end(data, at)) < 0) return -1;
    if (data[at] == '.' && (at = digits_end(data, at + 1)) < 0) return -1;
    if ((data[at] | 0x20) == 'e') {
        at++;
        if (data[at] == '+' || data[at] == '-') at++;
        return digits_end(data, at);
    }
    return at;
}

static i64 object_end(const Row *row, i64 at, i64 node, int depth);

/* Of a value that nobody asks for, or of one in whole; `node` is where an object's keys are looked up, -1 nowhere. */
static i64 value_end(const Row *row, i64 at, i64 node, int depth) {
    const u8 *data = row->data;
    int escaped = 0;
    switch (data[at]) {
        case '"': return text_end(data, at + 1, &escaped);
        case '{': return object_end(row, at, node, depth);
        case 't': return memcmp(data + at, "true", 4) ? -1 : at + 4;
        case 'f': return memcmp(data + at, "false", 5) ? -1 : at + 5;
        case 'n': return memcmp(data + at, "null", 4) ? -1 : at + 4;
        case '[': break;
        default: return number_end(data, at);
    }
    if (depth == DEEPEST) return -1;
    at = blanks(data, at + 1);
    if (data[at] == ']') return at + 1;
    for (;;) {
        if ((at = value_end(row, blanks(data, at), -1, depth + 1)) < 0) return -1;
        at = blanks(data, at);
        if (data[at] == ']') return at + 1;
        if (data[at++] != ',') return -1;
    }
}

/* The child of a node with this key, -1 if it has none. Writers keep an order, so the search begins at `hint`. */
static i64 child_of(const Tree *tree, i64 node, const u8 *key, i64 length, i64 *hint) {
    if (node < 0) return -1;
    const i64 first = tree->first[node], count = tree->count[node];
    for (i64 i = 0; i < count; i++) {
        i64 c = first + (*hint + i < count ? *hint + i : *hint + i - count);
        if (tree->length[c] == length && !memcmp(tree->text + tree->key[c], key, (size_t)length)) {
            *hint = c - first + 1 < count ? c - first + 1 : 0;
            return c;
        }
    }
    return -1;
}

static i64 object_end(const Row *row, i64 at, i64 node, int depth) {
    const u8 *data = row->data;
    const Tree *tree = row->tree;
    i64 hint = 0;
    if (data[at] != '{' || depth == DEEPEST) return -1;
    at = blanks(data, at + 1);
    if (data[at] == '}') return at + 1;
    for (;; at = blanks(data, at)) {
        int escaped = 0;
        if (data[at] != '"') return -1;
        const i64 key = at + 1;
        if ((at = text_end(data, key, &escaped)) < 0 || escaped) return -1;
        const i64 child = child_of(tree, node, data + key, at - 1 - key, &hint);
        at = blanks(data, at);
        if (data[at++] != ':') return -1;
        const i64 begin = blanks(data, at), target = child < 0 ? 0 : tree->target[child];
        if (target < 0) /* of a key that comes twice the last one counts, whatever it is */
            for (i64 v = tree->below[2 * child]; v < tree->below[2 * child + 1]; v++)
                row->end[v * row->stride] = row->start[v * row->stride];
        if ((at = value_end(row, begin, target < 0 ? -target : -1, depth + 1)) < 0) return -1;
        if (child >= 0 && target >= 0)
            row->start[target * row->stride] = (i32)begin, row->end[target * row->stride] = (i32)at;
        at = blanks(data, at);
        if (data[at] == '}') return at + 1;
        if (data[at++] != ',') return -1;
    }
}

/* Find the values of the candidates among the lines; return how many are plainly objects. Row r is line `row[r]`, its
   value v stands from `start[v * lines + r]` to `end[v * lines + r]`, an absent one is empty. */
EXPORT i64 json_values(const u8 *data, i64 lines, const i64 *begin, const i64 *stop, const u8 *candidate,
                       const Tree *tree, i64 *row, i32 *start, i32 *end) {
    i64 rows = 0;
    for (i64 i = 0; i < lines; i++) {
        const Row out = {data, tree, start + rows, end + rows, lines};
        if (!candidate[i]) continue;
        for (i64 v = 0; v < tree->width; v++) out.start[v * lines] = out.end[v * lines] = (i32)begin[i];
        i64 at = object_end(&out, begin[i], 0, 0);
        if (at >= 0 && blanks(data, at) == stop[i]) row[rows++] = i;
    }
    return rows;
}

/* Numbers, times and the cheap checks of words and addresses: what `parse/values.py` and `parse/times.py` do.

   A text that is no number, or no time, is `bad`, and its value 0. */
#include "kernel.h"

#define MICROSECONDS 1000000
#define NO_ZONE ((i64)1 << 40)
#define FIRST 788918400  /* 1995-01-01 */
#define LAST 4102444800  /* 2100-01-01 */
enum { MAX_DIGITS = 18 };

/* Read a number; -1 if it is none, or too long. */
static i64 number(const u8 *at, i64 length) {
    return length < 1 || length > MAX_DIGITS ? -1 : digits(at, length);
}

/* 1 to 18 digits. */
EXPORT void unsigned_numbers(const Slices *in, i64 *value, u8 *bad) {
    for (i64 i = 0; i < in->rows; i++) {
        i64 found = number(in->data + in->start[i], in->length[i]);
        bad[i] = found < 0, value[i] = found < 0 ? 0 : found;
    }
}

/* The same, perhaps behind a minus. */
EXPORT void signed_numbers(const Slices *in, i64 *value, u8 *bad) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        int minus = in->length[i] > 0 && *at == '-';
        i64 found = number(at + minus, in->length[i] - minus);
        bad[i] = found < 0, value[i] = found < 0 ? 0 : minus ? -found : found;
    }
}

/* Digits, perhaps with a fraction, in units of 10 ** -places; up to MAX_DIGITS further ones are cut off. */
EXPORT void decimals(const Slices *in, i64 places, i64 *value, u8 *bad) {
    i64 unit = 1;
    for (i64 i = 0; i < places; i++) unit *= 10;
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        i64 length = in->length[i], part = 0, scale = unit;
        const u8 *dot = length > 0 ? memchr(at, '.', (size_t)length) : 0;
        i64 head = dot ? dot - at : length, tail = dot ? length - head - 1 : 0, whole = number(at, head);
        int wrong = whole < 0 || head > MAX_DIGITS - places || (dot && !tail) || tail > MAX_DIGITS + places;
        for (i64 k = 0; !wrong && k < tail; k++) {
            if (!digit(dot[1 + k])) wrong = 1;
            else if (k < places) part = part * 10 + (dot[1 + k] - '0'), scale /= 10;
        }
        bad[i] = (u8)wrong, value[i] = wrong ? 0 : whole * unit + part * scale;
    }
}

/* 100 to 999. */
EXPORT void statuses(const Slices *in, i64 *value, u8 *bad) {
    for (i64 i = 0; i < in->rows; i++) {
        i64 found = in->length[i] == 3 ? digits(in->data + in->start[i], 3) : -1;
        bad[i] = found < 100, value[i] = found < 100 ? 0 : found;
    }
}

/* What begins with a letter. */
EXPORT void words(const Slices *in, u8 *bad) {
    for (i64 i = 0; i < in->rows; i++)
        bad[i] = in->length[i] == 0 || (u8)((in->data[in->start[i]] | 0x20) - 'a') >= 26;
}

static int of_address(u8 byte) {
    return digit(byte) || (u8)((byte | 0x20) - 'a') < 6 || byte == ':' || byte == '[' || byte == ']';
}

/* What begins and ends, and is as long, as an IP address may be. */
EXPORT void addresses(const Slices *in, u8 *bad) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        i64 length = in->length[i];
        bad[i] = length < 2 || length > 47 || !of_address(at[0]) || !of_address(at[length - 1]);
    }
}

/* Days since 1970 (Howard Hinnant's algorithm); -NO_ZONE if there is no such day. */
static i64 days(i64 year, i64 month, i64 day) {
    static const u8 longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > longest[month - 1]) return -NO_ZONE;
    if (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400))) return -NO_ZONE;
    year -= month <= 2;
    i64 era = year / 400, of_era = year - era * 400;
    i64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Seconds since midnight; -1 if a clock shows no such time. Second 60, a leap second, stays in its minute. */
static i64 clock_of(i64 hour, i64 minute, i64 second) {
    if (hour < 0 || minute < 0 || second < 0 || hour > 23 || minute > 59 || second > 60) return -1;
    return hour * 3600 + minute * 60 + (second < 59 ? second : 59);
}

/* Seconds of "13:55:36", eight bytes that may be anything. */
static i64 colons(const u8 *at) {
    return at[2] != ':' || at[5] != ':' ? -1 : clock_of(digits(at, 2), digits(at + 3, 2), digits(at + 6, 2));
}

/* "20001010135536", as seconds; a log has few days, so the last one is remembered. */
EXPORT void compact_times(const Slices *in, i64 *seconds, u8 *bad, u8 *strange) {
    i64 known = -1, midnight = 0;
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        i64 day = in->length[i] == 14 ? digits(at, 8) : -1;
        i64 clock = day < 0 ? -1 : clock_of(digits(at + 8, 2), digits(at + 10, 2), digits(at + 12, 2));
        seconds[i] = 0, strange[i] = 0, bad[i] = clock < 0;
        if (clock < 0) continue;
        if (day != known) known = day, midnight = days(day / 10000, day / 100 % 100, day % 100);
        strange[i] = day / 10000 < 1995 || day / 10000 > 2099;
        bad[i] = midnight == -NO_ZONE && !strange[i];
        if (midnight != -NO_ZONE) seconds[i] = midnight * 86400 + clock;
    }
}

/* What is known of one time: microseconds on its clock, the clock's distance from UTC, whether it is one. */
typedef struct {
    i64 *local, *offset;
    u8 *bad, *strange;
} Moments;

static void put(const Moments *out, i64 i, i64 micro, i64 offset, int good) {
    i64 seconds = micro >= 0 ? micro / MICROSECONDS : (micro - MICROSECONDS + 1) / MICROSECONDS;
    out->local[i] = good ? micro : 0, out->offset[i] = offset, out->bad[i] = (u8)!good;
    out->strange[i] = good && (seconds < FIRST || seconds >= LAST);
}

/* Seconds of "+0800" or "+08:00"; NO_ZONE if it is none. */
static i64 zone(const u8 *at, int colon) {
    i64 hours = digits(at + 1, 2), minutes = digits(at + 3 + colon, 2);
    if ((*at != '+' && *at != '-') || hours < 0 || minutes < 0 || minutes > 59 || hours > 23) return NO_ZONE;
    if (colon && at[3] != ':') return NO_ZONE;
    return (*at == '-' ? -60 : 60) * (hours * 60 + minutes);
}

/* The number of a month by the first three letters of its English name; -1 if there is none. */
static i64 month_of(const u8 *at) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (i64 month = 0; month < 12; month++) {
        const char *name = names + 3 * month;
        if ((at[0] | 0x20) == name[0] && (at[1] | 0x20) == name[1] && (at[2] | 0x20) == name[2]) return month + 1;
    }
    return -1;
}

/* "10/Oct/2000:13:55:36 -0700", the day padded or not. */
EXPORT void clf_times(const Slices *in, const Moments *out) {
    for (i64 i = 0; i < in->rows; i++) {
        const i64 length = in->length[i];
        i64 micro = 0, offset = NO_ZONE;
        int good = length == 26 || length == 25;
        if (good) {
            const u8 *at = in->data + in->start[i], *slash = at + length - 24;
            good = slash[0] == '/' && slash[4] == '/' && slash[9] == ':' && slash[18] == ' ';
            i64 day = few_digits(at, length - 24), year = digits(slash + 5, 4), clock = colons(slash + 10);
            i64 midnight = good ? days(year, month_of(slash + 1), day) : -NO_ZONE;
            offset = zone(slash + 19, 0);
            good = good && clock >= 0 && offset != NO_ZONE && midnight != -NO_ZONE;
            micro = good ? (midnight * 86400 + clock) * MICROSECONDS : 0;
        }
        put(out, i, micro, offset, good);
    }
}

/* Microseconds of ".123" or ",123", further digits cut off; -1 if it is neither that nor nothing. */
static i64 fraction(const u8 *at, i64 length) {
    if (length <= 0) return length == 0 ? 0 : -1;
    if ((*at != '.' && *at != ',') || length == 1 || length > 1 + 6 + MAX_DIGITS) return -1;
    i64 value = 0, unit = 100000;
    for (i64 i = 1; i < length; i++, unit /= 10) {
        if (!digit(at[i])) return -1;
        value += unit * (at[i] - '0');
    }
    return value;
}

/* "2020-01-31T23:59:59", perhaps with a fraction, perhaps with "Z" or "+08:00" or "+0800". */
EXPORT void iso_times(const Slices *in, const Moments *out) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        i64 length = in->length[i], offset = NO_ZONE, micro = 0, tail = 0;
        int good = length >= 19 && at[4] == '-' && at[7] == '-' && (at[10] == 'T' || at[10] == ' ');
        if (good) {
            i64 midnight = days(digits(at, 4), digits(at + 5, 2), digits(at + 8, 2)), clock = colons(at + 11);
            const u8 *end = at + length;
            if ((end[-1] | 0x20) == 'z') tail = 1, offset = 0;
            else if (length >= 25 && (end[-6] == '+' || end[-6] == '-')) tail = 6, offset = zone(end - 6, 1);
            else if (length >= 24 && (end[-5] == '+' || end[-5] == '-')) tail = 5, offset = zone(end - 5, 0);
            i64 part = fraction(at + 19, length - 19 - tail);
            good = midnight != -NO_ZONE && clock >= 0 && part >= 0 && (!tail || offset != NO_ZONE);
            micro = good ? (midnight * 86400 + clock) * MICROSECONDS + part : 0;
        }
        put(out, i, micro, good ? offset : NO_ZONE, good);
    }
}

/* Seconds, milli-, micro- or nanoseconds since 1970, by the number of digits before a fraction. */
EXPORT void epoch_times(const Slices *in, const Moments *out) {
    for (i64 i = 0; i < in->rows; i++) {
        const u8 *at = in->data + in->start[i];
        const i64 length = in->length[i];
        const u8 *dot = length > 0 ? memchr(at, '.', (size_t)length) : 0;
        const i64 whole = dot ? dot - at : length;
        i64 micro = 0, value = whole <= 19 ? number(at, whole >= 18 ? whole - 3 : whole) : -1;
        if (value >= 0 && whole >= 18 && number(at + whole - 3, 3) < 0) value = -1;
        const i64 part = fraction(at + whole, length - whole);
        const int good = value >= 0 && part >= 0;
        if (good && whole <= 11) micro = value * MICROSECONDS + part;
        else if (good && whole <= 14) micro = value * 1000 + part / 1000;
        else if (good) micro = value + part / MICROSECONDS;
        put(out, i, micro, 0, good);
    }
}

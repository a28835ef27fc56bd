# Requests and bytes per 5 minutes and status of combined logs, which name no domain.
BEGIN { FS = "\"" }
{
    split($3, field, " ")
    time = substr($1, index($1, "[") + 1, 17)
    key = substr(time, 1, 16) (substr(time, 17) < 5 ? 0 : 5) "," field[1]
    requests[key]++
    bytes[key] += field[2]
}
END {
    print "window,domain,status,requests,bytes"
    for (key in requests) {
        month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(key, 4, 3)) + 2) / 3
        window = sprintf("%s%02d%s %s", substr(key, 8, 4), month, substr(key, 1, 2), substr(key, 13, 5))
        printf "%s,(none),%s,%d,%.0f\n", window, substr(key, 19), requests[key], bytes[key]
    }
}

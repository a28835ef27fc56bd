# Requests and bytes per 5 minutes, domain and status of Tencent CDN logs.
{ key = substr($1, 1, 11) (substr($1, 12, 1) < 5 ? 0 : 5) "," $3 "," $8; requests[key]++; bytes[key] += $5 }
END {
    print "window,domain,status,requests,bytes"
    for (key in requests) printf "%s,%d,%.0f\n", key, requests[key], bytes[key]
}

# Requests and bytes per 5 minutes, domain and status of CloudFront logs with 33 fields.
BEGIN { FS = "\t" }
/^#/ { next }
{ key = $1 " " substr($2, 1, 4) (substr($2, 5, 1) < 5 ? 0 : 5) "," $16 "," $9; requests[key]++; bytes[key] += $4 }
END {
    print "window,domain,status,requests,bytes"
    for (key in requests) printf "%s,%d,%.0f\n", key, requests[key], bytes[key]
}

# Requests and bytes per 5 minutes, domain and status of Cloudflare's JSON lines, whose keys are looked for as text.
function after(mark) { return substr($0, index($0, mark) + length(mark), 100) }
{
    time = after("\"EdgeStartTimestamp\":\"")
    domain = after("\"ClientRequestHost\":\"")
    domain = substr(domain, 1, index(domain, "\"") - 1)
    key = substr(time, 1, 15) (substr(time, 16, 1) < 5 ? 0 : 5) "," domain "," int(after("\"EdgeResponseStatus\":"))
    requests[key]++
    bytes[key] += int(after("\"EdgeResponseBytes\":"))
}
END {
    print "window,domain,status,requests,bytes"
    for (key in requests) printf "%s,%d,%.0f\n", key, requests[key], bytes[key]
}

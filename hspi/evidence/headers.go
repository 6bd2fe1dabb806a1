package evidence

import (
	"net/http"
	"strings"
)

// keptHeaders are the headers that evidence keeps: what tells of the software,
// its limits and its caches. None carries a secret.
var keptHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "User-Agent": true, // of requests
	"Content-Type": true, "Content-Length": true, "Content-Encoding": true, "Transfer-Encoding": true,
	"Date": true, "Server": true, "Via": true, "Age": true, "X-Cache": true, "Cf-Cache-Status": true, "Cf-Ray": true,
	"Retry-After": true, "X-Request-Id": true, "X-Powered-By": true, "X-Envoy-Upstream-Service-Time": true,
	"Openai-Model": true, "Openai-Processing-Ms": true, "Openai-Version": true,
	"X-Compute-Type": true, "X-Compute-Time": true, "X-Inference-Time": true, "X-Queue-Time": true,
	"X-Total-Time": true, "X-Time-Per-Token": true, "X-Validation-Time": true, // of TGI
}

// KeepHeaders is the part of h that evidence may keep, nil where there is none.
func KeepHeaders(h map[string][]string) map[string][]string {
	var kept map[string][]string
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		if !keptHeaders[name] && !strings.HasPrefix(name, "X-Ratelimit-") {
			continue
		}
		if kept == nil {
			kept = map[string][]string{}
		}
		kept[name] = values
	}
	return kept
}

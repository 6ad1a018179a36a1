package lab

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// labHookSecret signs what the lab's webhook takes. It opens nothing anywhere
// else.
const labHookSecret = "1ab-webhook-signing-secret"

const (
	hookMaxBody = 1 << 20
	hookOldest  = 5 * time.Minute // of what was signed, either way
)

// newWebhook takes what docs/sinks.md says that a receiver is sent, checks what it
// says that a receiver has to check, and shows it to nobody. It serves every
// path, and GET /ledger.
func newWebhook(log *ledger, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method+" "+r.URL.Path == "GET /ledger" {
			log.ServeHTTP(w, r)
			return
		}
		log.serve(w, r, now, hookMaxBody, func(r *http.Request, body []byte) reply { return hookAnswer(r, body, now()) })
	})
}

func hookAnswer(r *http.Request, body []byte, now time.Time) reply {
	refusal := func(status int, fault string) reply {
		return reply{status: status, fault: fault, body: map[string]any{"error": fault}}
	}
	stamp := r.Header.Get("X-Sitrep-Timestamp")
	sent, err := strconv.ParseInt(stamp, 10, 64)
	mac := hmac.New(sha256.New, []byte(labHookSecret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	want := "v1=" + hex.EncodeToString(mac.Sum(nil))
	switch age := now.Sub(time.Unix(sent, 0)); {
	case r.Method != http.MethodPost:
		return refusal(http.StatusMethodNotAllowed, "only POST")
	case len(body) > hookMaxBody:
		return refusal(http.StatusRequestEntityTooLarge, "too large")
	case err != nil || !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Sitrep-Signature"))):
		return refusal(http.StatusUnauthorized, "the signature is not of the secret")
	case age > hookOldest || age < -hookOldest:
		return refusal(http.StatusUnauthorized, "it was signed too long ago, or too soon")
	case r.Header.Get("Idempotency-Key") == "":
		return refusal(http.StatusBadRequest, "it has no Idempotency-Key")
	}
	return reply{status: http.StatusAccepted, body: map[string]any{"ok": true}}
}

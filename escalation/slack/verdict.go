package slack

import (
	"net/http"

	"github.com/sitrep-dev/sitrep/escalation"
)

// verdict is the outcome of an answer that says ok:false. Source: Slack, the
// errors of chat.postMessage, chat.update, chat.delete and conversations.history.
func (a attempt) verdict(x *escalation.Exchange, code, needed string) escalation.Outcome {
	switch code {
	case "":
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("said no without a reason: it may have counted")}
	case "ratelimited", "rate_limited":
		return x.Throttled()
	case "fatal_error", "internal_error", "service_unavailable": // "some aspect of the operation may have succeeded"
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("%s: it may have counted", code)}
	case "request_timeout", // the request arrived in part
		"team_added_to_org", "org_login_required", "external_channel_migrating": // for a while
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("%s", code)}
	}
	if advice := a.advice(code, needed); advice != "" {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%s: %s", code, advice)}
	}
	return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%s", code)}
}

// advice is what to do about an error.
func (a attempt) advice(code, needed string) string {
	switch code {
	case "channel_not_found":
		return "there is no channel " + a.m.Target() + ", or it is private and the app is not in it: invite the app there"
	case "not_in_channel":
		return "invite the app to " + a.m.Target()
	case "is_archived":
		return "unarchive " + a.m.Target() + ", or name another channel in the policy"
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type":
		return "check slack.bot_token"
	case "missing_scope":
		if needed == "" {
			return "the app lacks a scope: add it and install the app again"
		}
		return "the app lacks the scope " + needed + ": add it and install the app again"
	case "message_not_found":
		return "somebody deleted the message"
	case "message_limit_exceeded":
		return "the workspace takes no more messages on its plan"
	}
	return ""
}

// hint is what to do about a status that is for good.
func hint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "check slack.bot_token"
	case http.StatusNotFound:
		return "no Web API there: check slack.api_url"
	}
	return ""
}

// refusesBlocks says whether the error is about the blocks or the length, so
// that the plain text may pass.
func refusesBlocks(code string) bool {
	switch code {
	case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "too_many_attachments":
		return true
	}
	return false
}

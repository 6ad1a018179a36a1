package lab

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// slackArgs are the arguments of a call: strings from a query or a form, any
// JSON from a JSON body.
type slackArgs map[string]any

func slackArguments(r *http.Request, body []byte) (args slackArgs, isJSON bool, fault *slackFault) {
	args = slackArgs{}
	if fault = args.add(r.URL.Query()); fault != nil || len(body) == 0 {
		return args, false, fault
	}
	header := r.Header.Get("Content-Type")
	if header == "" {
		return args, false, refuse("missing_post_type")
	}
	kind, params, err := mime.ParseMediaType(header)
	switch charset := strings.ToLower(params["charset"]); {
	case err != nil:
		return args, false, refuse("invalid_post_type")
	case charset != "" && charset != "utf-8" && charset != "iso-8859-1":
		return args, false, refuse("invalid_charset")
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return args, false, refuse("invalid_form_data")
		}
		return args, false, args.add(form)
	case "application/json":
		value, err := decodeJSON(body)
		if err != nil {
			return args, true, refuse("invalid_json")
		}
		object, is := value.(map[string]any)
		if !is {
			return args, true, refuse("json_not_object")
		}
		for name, v := range object {
			if !argName.MatchString(name) {
				return args, true, refuse("invalid_arg_name")
			}
			args[name] = v
		}
		return args, true, args.scalars()
	}
	return args, false, refuse("invalid_post_type")
}

var argName = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)

func (a slackArgs) add(form url.Values) *slackFault {
	for name, values := range form {
		switch {
		case strings.HasSuffix(name, "[]") || len(values) > 1:
			return refuse("invalid_array_arg")
		case !argName.MatchString(name):
			return refuse("invalid_arg_name")
		}
		a[name] = values[0]
	}
	return nil
}

// scalars refuses lists and objects where the API takes text.
func (a slackArgs) scalars() *slackFault {
	for name, v := range a {
		switch v.(type) {
		case []any, map[string]any:
			if name != "blocks" && name != "attachments" && name != "metadata" && name != "view" && name != "files" {
				return refuse("invalid_array_arg")
			}
		}
	}
	return nil
}

func (a slackArgs) text(name string) string {
	switch v := a[name].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v) // a number or a boolean
	}
}

func (a slackArgs) flag(name string) bool {
	v := a.text(name)
	return v == "1" || v == "true"
}

// structured is an argument that holds JSON, itself or as text. The zero value
// of present also stands for an empty text.
func (a slackArgs) structured(name string) (value any, present bool, err error) {
	switch v := a[name].(type) {
	case nil:
		return nil, false, nil
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, false, nil
		}
		value, err = decodeJSON([]byte(v))
		return value, true, err
	default:
		return v, true, nil
	}
}

package console

import "net/url"

// Address returns a list's address with the parameters of q that are named in
// keep, some of them replaced: pairs of name and value, an empty value removes.
func Address(path string, q url.Values, keep []string, pairs ...string) string {
	next := url.Values{}
	for _, k := range keep {
		if v := q.Get(k); v != "" {
			next.Set(k, v)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			next.Del(pairs[i])
		} else {
			next.Set(pairs[i], pairs[i+1])
		}
	}
	if len(next) == 0 {
		return path
	}
	return path + "?" + next.Encode()
}

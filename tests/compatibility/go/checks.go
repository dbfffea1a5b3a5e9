package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/conductor-sdk/conductor-go/sdk/client"
)

const (
	patience  = 30 * time.Second
	lookEvery = 30 * time.Millisecond
)

// A check is a named body that panics with a failure when an assertion does not hold.
type check struct {
	name string
	body func(*trial)
}

// An outcome is what the program says of a check.
type outcome struct {
	Name   string `json:"name"`
	Ok     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// A trial is a running check: the clients, and a name for definitions that no other check uses.
type trial struct {
	*clients
	name string
}

type failure string

var notWord = regexp.MustCompile(`\W+`)

func run(each check, clients *clients) (found outcome) {
	found.Name = each.name
	defer func() {
		if broken := recover(); broken != nil {
			found.Ok, found.Detail = false, fmt.Sprint(broken)
		}
	}()
	each.body(&trial{clients, "go_" + notWord.ReplaceAllString(each.name, "_")})
	found.Ok = true
	return found
}

func (t *trial) fail(format string, values ...interface{}) {
	panic(failure(fmt.Sprintf(format, values...)))
}

// noError fails for any error.
func (t *trial) noError(err error) {
	if err != nil {
		t.fail("unexpected error: %v", err)
	}
}

// that fails unless the condition holds.
func (t *trial) that(condition bool, what string) {
	if !condition {
		t.fail("not so: %s", what)
	}
}

// equal compares two values as JSON does, where all numbers are of one kind.
func (t *trial) equal(want, got interface{}, what string) {
	if !reflect.DeepEqual(plain(want), plain(got)) {
		t.fail("%s: expected %s, found %s", what, text(want), text(got))
	}
}

// refused fails unless the error is the server's, with this status and a text in its message.
func (t *trial) refused(err error, status int, text string) {
	var refusal client.GenericSwaggerError
	switch found := err.(type) {
	case client.GenericSwaggerError:
		refusal = found
	case *client.GenericSwaggerError:
		refusal = *found
	default:
		t.fail("expected a refusal with %d, found %v", status, err)
	}
	t.equal(status, refusal.StatusCode(), "status of the refusal")
	var body struct {
		Status  int
		Message string
	}
	t.noError(json.Unmarshal(refusal.Body(), &body))
	t.equal(status, body.Status, "status in the body")
	t.that(strings.Contains(body.Message, text), fmt.Sprintf("%q has %q", body.Message, text))
}

// eventually fails unless the condition comes to hold in time.
func (t *trial) eventually(what string, holds func() bool) {
	for until := time.Now().Add(patience); !holds(); time.Sleep(lookEvery) {
		if time.Now().After(until) {
			t.fail("not within %v: %s", patience, what)
		}
	}
}

func plain(value interface{}) (found interface{}) {
	_ = json.Unmarshal([]byte(text(value)), &found)
	return found
}

func text(value interface{}) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

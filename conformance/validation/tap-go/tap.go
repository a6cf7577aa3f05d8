// Package tap prints the Test Anything Protocol for the programs of runtime-tools.
//
// They import github.com/mndrix/tap-go, which Debian does not package: these are the names they call, written from
// their calls and from https://testanything.org/tap-version-13-specification.html. Results go to stdout, a blank line
// apart from nothing else; a number that is not ok does not end the program.
package tap

import (
	"encoding/json"
	"fmt"
	"strings"
)

// T counts the results of one program.
type T struct {
	count int
	mark  string
}

// New begins with no result.
func New() *T { return &T{} }

// Header prints the version and, where the number of tests is known, the plan.
func (t *T) Header(tests int) {
	fmt.Println("TAP version 13")
	if tests > 0 {
		fmt.Printf("1..%d\n", tests)
	}
}

// AutoPlan prints the plan of what has been counted.
func (t *T) AutoPlan() { fmt.Printf("1..%d\n", t.count) }

// Ok is one result.
func (t *T) Ok(passed bool, description string) {
	t.count++
	verdict := "ok"
	if !passed && t.mark == "" {
		verdict = "not ok"
	}
	fmt.Printf("%s %d - %s%s\n", verdict, t.count, line(description), t.mark)
}

// Pass is a result that is ok.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail is a result that is not.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip says of some tests that they were not made.
func (t *T) Skip(tests int, description string) {
	for ; tests > 0; tests-- {
		t.count++
		fmt.Printf("ok %d # SKIP %s\n", t.count, line(description))
	}
}

// Todo is the same count; its results may fail.
func (t *T) Todo() *T { return &T{count: t.count, mark: " # TODO"} }

// Diagnostic is a comment, line by line.
func (t *T) Diagnostic(text string) {
	fmt.Println("# " + strings.Join(strings.Split(strings.TrimRight(text, "\n"), "\n"), "\n# "))
}

// Diagnosticf is a comment with values.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML is a block that tells more of the last result. JSON is YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("  ---\n  %s\n  ...\n", text)
	return nil
}

func line(text string) string { return strings.Join(strings.Fields(text), " ") }

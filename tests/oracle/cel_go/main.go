// The answers of cel-go to a list of expressions, for tests/unit/data/test_cel_oracle.c.
//
// Reads expressions, one a line (# begins a note), from the file named first; adds as many generated
// ones as the second argument says, from the seed in the third; writes one JSON object a line. An
// expression whose answer differs between two evaluations (cel-go walks maps in no order) is left out.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
)

const variables = `{"i": 5, "f": 2.5, "s": "héllo", "b": true, "l": [3, 1, 2], "words": ["b", "a", "c"],
"d": {"name": "x", "on": true, "ratio": 0.5, "list": ["p", "q"], "deep": {"a": {"b": "c"}}, "none": null},
"m": {"one": "1", "two": "2"}}`

type answer struct {
	Expr    string          `json:"expr"`
	Parses  bool            `json:"parses"`
	Checks  bool            `json:"checks"`
	Type    string          `json:"type,omitempty"`
	Cost    *uint64         `json:"cost,omitempty"`
	Kind    string          `json:"kind,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	Message string          `json:"message,omitempty"`
}

// As documents are read: a number without fraction is an int.
func native(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = native(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = native(v[k])
		}
	}
	return v
}

func shown(v ref.Val) any {
	switch v := v.(type) {
	case types.Null:
		return nil
	case types.Bool:
		return bool(v)
	case types.Int:
		return int64(v)
	case types.Uint:
		return uint64(v)
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil
		}
		return float64(v)
	case types.String:
		return string(v)
	case types.Bytes:
		return base64.StdEncoding.EncodeToString(v)
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339Nano)
	case types.Duration:
		text := strconv.FormatFloat(math.Abs(v.Duration.Seconds()), 'f', -1, 64)
		if ns := v.Duration.Nanoseconds(); ns%1000 != 0 || ns > 1<<52 || ns < -(1<<52) {
			s := fmt.Sprintf("%d.%09d", absolute(ns)/1e9, absolute(ns)%1e9)
			text = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		if v.Duration < 0 {
			text = "-" + text
		}
		return text + "s"
	case *types.Optional:
		if !v.HasValue() {
			return nil
		}
		return shown(v.GetValue())
	case ref.Type:
		return v.TypeName()
	case traits.Mapper:
		m := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			m[fmt.Sprint(shown(k))] = shown(v.Get(k))
		}
		return m
	case traits.Lister:
		l := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			l = append(l, shown(it.Next()))
		}
		return l
	}
	return "?" + v.Type().TypeName()
}

func absolute(ns int64) uint64 {
	if ns < 0 {
		return uint64(-ns)
	}
	return uint64(ns)
}

func text(v ref.Val) json.RawMessage {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(shown(v)); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(out.Bytes())
}

func evaluate(env *cel.Env, ast *cel.Ast, vars map[string]any, a *answer) {
	program, err := env.Program(ast, cel.CostTracking(nil))
	if err != nil {
		a.Kind, a.Value, a.Message = "error", nil, err.Error()
		return
	}
	out, details, err := program.Eval(vars)
	if err != nil {
		a.Kind, a.Value, a.Message = "error", nil, err.Error()
	} else {
		a.Kind, a.Value, a.Message = out.Type().TypeName(), text(out), ""
	}
	a.Cost = nil
	if details != nil && err == nil {
		a.Cost = details.ActualCost()
	}
}

func ask(env *cel.Env, vars map[string]any, expr string) answer {
	a := answer{Expr: expr}
	parsed, issues := env.Parse(expr)
	if issues.Err() != nil {
		a.Message = issues.Err().Error()
		return a
	}
	a.Parses = true
	evaluate(env, parsed, vars, &a)
	a.Cost = nil
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		if a.Message == "" {
			a.Message = strings.SplitN(issues.Err().Error(), "\n", 2)[0]
		}
		return a
	}
	a.Checks, a.Type = true, cel.FormatCELType(checked.OutputType())
	evaluate(env, checked, vars, &a)
	return a
}

func main() {
	env, err := cel.NewEnv(cel.OptionalTypes(), ext.Strings(), ext.Lists(), ext.Bindings(),
		cel.Variable("i", cel.IntType), cel.Variable("f", cel.DoubleType),
		cel.Variable("s", cel.StringType), cel.Variable("b", cel.BoolType),
		cel.Variable("l", cel.ListType(cel.IntType)),
		cel.Variable("words", cel.ListType(cel.StringType)), cel.Variable("d", cel.DynType),
		cel.Variable("m", cel.MapType(cel.StringType, cel.StringType)))
	if err != nil {
		panic(err)
	}
	decoder := json.NewDecoder(strings.NewReader(variables))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		panic(err)
	}
	vars := native(document).(map[string]any)

	var expressions []string
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if line := strings.TrimSpace(scanner.Text()); line != "" && line[0] != '#' {
			expressions = append(expressions, line)
		}
	}
	count, _ := strconv.Atoi(os.Args[2])
	seed, _ := strconv.ParseInt(os.Args[3], 10, 64)
	g := generator{rand.New(rand.NewSource(seed)), 0}
	for n := 0; n < count; n++ {
		expressions = append(expressions, g.any(3))
	}

	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	seen := map[string]bool{}
	for _, expr := range expressions {
		a := ask(env, vars, expr)
		again := ask(env, vars, expr)
		if seen[expr] || !bytes.Equal(a.Value, again.Value) || a.Kind != again.Kind {
			continue
		}
		seen[expr] = true
		e.Encode(a)
	}
}

package redact

//lint:file-ignore U1000 these types are read by reflection

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// Types of a hundred fields that refer to each other: what an ORM generates, small enough to be written here.
type (
	ormUser struct {
		Orders   []*ormOrder
		Friends  map[string]*ormUser
		Account  *ormAccount
		accounts []ormAccount
	}
	ormOrder struct {
		User  *ormUser
		Items []ormItem
		Last  *ormAccount
	}
	ormItem struct {
		Order *ormOrder
		Next  *ormItem
		By    [2]*ormUser
	}
	ormAccount struct {
		User  *ormUser
		Order *ormOrder
		Note  ormNote
	}
	ormNote struct {
		Owner *ormAccount
		PIN   int `json:"p"`
	}
	plainLeft struct {
		Right *plainRight
		N     int
	}
	plainRight struct {
		Left []plainLeft
		left *plainLeft
	}
)

// Facts about types in circles are true of each of them, whichever is asked about first.
func TestRedactTypesInCircles(t *testing.T) {
	secret := []reflect.Type{
		reflect.TypeFor[ormUser](), reflect.TypeFor[ormOrder](), reflect.TypeFor[ormItem](), reflect.TypeFor[ormAccount](), reflect.TypeFor[ormNote](),
	}
	plain := []reflect.Type{reflect.TypeFor[plainLeft](), reflect.TypeFor[*plainRight](), reflect.TypeFor[[]plainLeft]()}
	for _, first := range append(secret, plain...) {
		x := NewRedactor(Options{})
		x.typeInfo(first)
		for _, typ := range secret {
			if !x.typeInfo(typ).has(mayHold) {
				t.Errorf("%v first: nothing in %v", first, typ)
			}
		}
		for _, typ := range plain {
			if x.typeInfo(typ).has(mayHold | mayPrint | mightPrint | needsGuide) {
				t.Errorf("%v first: something in %v", first, typ)
			}
		}
	}
	u := &ormUser{Orders: []*ormOrder{{Items: []ormItem{{Next: &ormItem{By: [2]*ormUser{{Account: &ormAccount{Note: ormNote{PIN: 4711}}}}}}}}}}
	line := written(t, u)
	if strings.Contains(line, "4711") || !strings.Contains(line, `"p":"[redacted]"`) {
		t.Error(line)
	}
}

//go:generate go run testdata/circle.go

// circleTypes has one type of each set, by the number of types in it.
var circleTypes = map[int]reflect.Type{
	10: reflect.TypeFor[of10No0](),
	20: reflect.TypeFor[of20No0](),
	30: reflect.TypeFor[of30No0](),
}

// circleSizes are how many types the sets in circleTypes have.
var circleSizes = []int{10, 20, 30}

// n types that all refer to each other have n*n fields, and each of them is looked at once.
func TestRedactTypesOnce(t *testing.T) {
	racetest.SkipAllocs(t)
	perField := map[int]float64{}
	for _, n := range circleSizes {
		x := NewRedactor(Options{})
		info := x.typeInfo(circleTypes[n])
		if !info.has(mayHold) || !info.has(needsGuide) {
			t.Errorf("%d types: nothing to replace", n)
		}
		fields := 0
		x.types.Range(func(_, info any) bool {
			fields += len(info.(*typeInfo).fields)
			return true
		})
		if want := n*n + n + 1; fields != want {
			t.Errorf("%d types: want %d fields, got %d", n, want, fields)
		}
		perField[n] = testing.AllocsPerRun(3, func() {
			x := NewRedactor(Options{})
			x.members(x.typeInfo(circleTypes[n]))
		}) / float64(fields)
	}
	if perField[30] > 1.2*perField[10] {
		t.Errorf("allocations per field: %v", perField)
	}
}

// A line with a value of such a type, and with values that point to each other, is written.
func TestRedactTypesInCirclesWritten(t *testing.T) {
	for _, n := range circleSizes {
		v := reflect.New(circleTypes[n])
		inner := reflect.New(circleTypes[n])
		v.Elem().FieldByName("F0").Set(inner)
		line := written(t, v.Interface())
		if !json.Valid([]byte(line)) || !strings.Contains(line, `"F0":{"N":0`) {
			t.Errorf("%d types: %s", n, line)
		}
	}
}

// written returns v without secrets, as JSON.
func written(t *testing.T, v any) string {
	t.Helper()
	a, _ := NewRedactor(Options{}).Attr(slog.Any("v", v))
	line, err := jsontext.AppendJSON(nil, a.Value.Any())
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot"
	"github.com/gpubench/gpubench/results/plot/plottest"
	"github.com/gpubench/gpubench/results/table/cell"
)

var (
	update = flag.Bool("update", false, "write the golden reports anew")
	dump   = flag.String("dump", "", "folder for a whole report, to look at")
)

func TestDump(t *testing.T) {
	if *dump == "" {
		t.Skip("no -dump folder given")
	}
	files, err := Write(*dump, plottest.Document(7))
	require.NoError(t, err)
	for _, f := range files {
		t.Log(f)
	}
}

// stand-ins for pictures, so that golden files stay small.
func fakes() []plot.Picture {
	return []plot.Picture{
		{Name: "alu-latency", Title: "ALU <latency>", Caption: "Latency | bars & all.", Benchmark: "alu/latency", PNG: []byte("not a picture")},
		{Name: "run-clock-and-power", Title: "Clock and power", Caption: "Over the run.", PNG: []byte("nor this")},
	}
}

func html(t testing.TB, doc *results.Document, pictures []plot.Picture) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, HTML(&b, doc, pictures))
	return b.String()
}

func markdownOf(t testing.TB, doc *results.Document, pictures []plot.Picture) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Markdown(&b, doc, pictures, "pictures"))
	return b.String()
}

func TestGolden(t *testing.T) {
	doc := plottest.Small(7, 3)
	for name, got := range map[string]string{"report.html": html(t, doc, fakes()), "report.md": markdownOf(t, doc, fakes())} {
		path := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o777))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "run with -update to make it")
		assert.Equal(t, string(want), got, name)
	}
}

// hostile puts markup into every text of a document.
func hostile() *results.Document {
	const evil = `</td></script><script>alert("x")</script> | ' & ![x](http://evil.example/) ` + "`\n"
	doc := plottest.Small(7, 2)
	doc.Device.Name, doc.Suite, doc.Command, doc.Recording.Name = evil, evil, []string{evil}, evil
	doc.Tool.Version, doc.Host.Kernel, doc.Phases[0].Name, doc.Compile.Slowest = evil, evil, evil, evil
	for i := range doc.Rows {
		r := &doc.Rows[i]
		r.Benchmark, r.Reason, r.Metric, r.Unit = evil+r.Benchmark, evil, evil, evil
		r.Point = append(r.Point, results.Param{Key: evil, Value: evil})
		r.Proof.Instruction, r.Proof.Detail, r.Correct.By, r.Correct.Detail = evil, evil, evil, evil
		r.Annotations = []string{evil}
		r.Peak = &results.Peak{Value: 1, Percent: 1, From: evil}
		r.Published = []results.Published{{GPU: evil, Value: 1, Unit: evil, Source: evil, Note: evil}}
	}
	doc.Benchmarks = append(doc.Benchmarks, results.BenchmarkInfo{Name: evil, Question: evil, Method: evil, Source: evil, Experiment: evil})
	return doc
}

// quiet is a document without anything that is optional.
func quiet() *results.Document { return &results.Document{Schema: 1} }

func documents() map[string]*results.Document {
	measured := plottest.Document(7)
	measured.Backend, measured.Recording = "cuda", nil
	interrupted := plottest.Small(7, 1)
	interrupted.State = results.Interrupted
	return map[string]*results.Document{"whole": plottest.Document(7), "measured": measured, "interrupted": interrupted, "hostile": hostile(), "quiet": quiet()}
}

var (
	// raws are the elements whose content is not markup.
	raws = regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>`)
	ids  = regexp.MustCompile(` id="([^"]*)"`)
	refs = regexp.MustCompile(` href="([^"]*)"`)
	srcs = regexp.MustCompile(` src="([^"]{0,22})`)
	tags = regexp.MustCompile(`(?s)<caption>(.*?)</caption>`)
)

// TestHTMLIsWellFormed reads the report as XML, which is stricter than HTML:
// every element is closed and every attribute quoted.
func TestHTMLIsWellFormed(t *testing.T) {
	for name, doc := range documents() {
		text := html(t, doc, fakes())
		d := xml.NewDecoder(strings.NewReader(raws.ReplaceAllString(text, "")))
		d.Entity = xml.HTMLEntity
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
		}
		seen := map[string]bool{}
		for _, m := range ids.FindAllStringSubmatch(text, -1) {
			assert.False(t, seen[m[1]], "%s: id %s twice", name, m[1])
			seen[m[1]] = true
		}
		for _, m := range refs.FindAllStringSubmatch(text, -1) {
			require.True(t, strings.HasPrefix(m[1], "#"), "%s: link %s leaves the page", name, m[1])
			assert.True(t, seen[m[1][1:]], "%s: link %s leads nowhere", name, m[1])
		}
		for _, m := range srcs.FindAllStringSubmatch(text, -1) {
			assert.Equal(t, "data:image/png;base64,", m[1], name)
		}
		assert.Len(t, raws.FindAllString(text, -1), 2, "%s: one style and one script", name)
		assert.NotContains(t, text, "ZgotmplZ", name)
		assert.NotContains(t, text, "<script>alert", name)
	}
}

func TestEveryCaptionOfARecordingSaysSo(t *testing.T) {
	for name, doc := range documents() {
		text := html(t, doc, fakes())
		captions := tags.FindAllString(text, -1)
		banner := cell.Banner(doc)
		assert.Equal(t, banner != "", strings.Contains(text, `<p class="banner" role="note">RECORDING`), name)
		for _, c := range captions {
			assert.Equal(t, banner != "", strings.Contains(c, `<span class="stamp">RECORDING of `), "%s: %s", name, c)
		}
	}
	text := markdownOf(t, plottest.Document(7), fakes())
	tables := regexp.MustCompile(`(?m)^\|( :--| --:)`).FindAllStringIndex(text, -1)
	assert.Greater(t, len(tables), 7)
	assert.Equal(t, len(tables), strings.Count(text, "**RECORDING of "+plottest.DeviceName+", 2026-11-21**"))
}

func TestMarkdownTablesAreEven(t *testing.T) {
	bar := regexp.MustCompile(`(^|[^\\])\|`)
	for name, doc := range documents() {
		width := 0
		for _, l := range strings.Split(markdownOf(t, doc, fakes()), "\n") {
			if !strings.HasPrefix(l, "|") {
				width = 0
				continue
			}
			n := len(bar.FindAllString(strings.ReplaceAll(l, `\\`, ""), -1))
			if width == 0 {
				width = n
			}
			assert.Equal(t, width, n, "%s: %s", name, l)
		}
		assert.NotContains(t, markdownOf(t, doc, fakes()), "![x](http", name)
		assert.NotContains(t, markdownOf(t, doc, fakes()), "<script", name)
	}
}

func TestEveryRowIsThere(t *testing.T) {
	doc := plottest.Document(7)
	p := newPage(doc, nil)
	n := 0
	for _, s := range p.Sections {
		n += len(s.Rows)
		for _, r := range s.Rows {
			assert.Len(t, r.Cells, len(s.Columns), "%s", s.Name)
		}
	}
	assert.Equal(t, len(doc.Rows), n)
	odd := 0
	for _, a := range p.Attention {
		odd += len(a.Rows)
		assert.NotEqual(t, results.OK, a.Status)
	}
	ok := 0
	for _, r := range doc.Rows {
		if r.Status == results.OK {
			ok++
		}
	}
	assert.Equal(t, len(doc.Rows), odd+ok)
}

// texts are the cells of a row by the heads of their columns.
func texts(s section, i int) map[string]string {
	m := map[string]string{}
	for k, c := range s.Columns {
		m[c.Head] = s.Rows[i].Cells[k].Text
		for _, n := range s.Rows[i].Cells[k].Notes {
			m[c.Head] += "[" + n.Label + "]"
		}
	}
	return m
}

func TestSection(t *testing.T) {
	power := 431.2
	doc := &results.Document{Benchmarks: []results.BenchmarkInfo{{Name: "a/b", Question: "Why?"}}}
	for i, clock := range []string{"1975", "1410"} {
		doc.Rows = append(doc.Rows, results.Row{
			Benchmark: "a/b", Point: results.P("op", []string{"add", "mul"}[i], "type", "f32"), Metric: "throughput", Value: 127.4, Unit: "op/cycle/SM",
			Interval: &[2]float64{127.3, 127.5}, Confidence: 0.957, Status: results.OK, ClockMHz: 1975, ClockFrom: "nvml", PowerW: &power,
			Proof: results.Proof{Kind: results.ProofSASS, Instruction: "FADD", Count: 64}, Correct: results.Check{By: "analytic", OK: true},
			Peak: &results.Peak{Value: 128, Percent: 99.53, From: "128 lanes at " + clock + " MHz"},
			Published: []results.Published{{GPU: "NVIDIA H800 PCIe", Value: 127, Unit: "op/cycle/SM", Source: "S"},
				{GPU: "H100 PCIe", Value: 9, Unit: "Top/s", Source: "S", Secondary: true}},
		})
	}
	s := newSection(doc, "a/b", nil, "")
	assert.Equal(t, "Why?", s.Question)
	assert.Equal(t, "throughput, type = f32, intervals at 95.7 %", s.Common)
	assert.Equal(t, map[string]string{
		"op": "add", "value": "127.40", "±": "±0.10", "unit": "op/cycle/SM", "% of peak": "99.5 % of 128[1]", "clock": "1975*", "power": "431",
		"proof": "sass ✓ FADD×64", "check": "analytic ✓", "H800": "127[2]", "other GPUs": "H100 9 Top/s†[3]", "status": "ok",
	}, texts(s, 0))
	assert.Equal(t, "99.5 % of 128[1]", texts(s, 1)["% of peak"])
	assert.Equal(t, []note{{"1", "b-a-b-n1", "Peak: 128 lanes at the measured clock"}, {"2", "b-a-b-n2", "Published: S"},
		{"3", "b-a-b-n3", "Published: S (†: read in somebody's transcription)"}}, s.Notes)
}

func TestCoordinate(t *testing.T) {
	assert.Equal(t, field{Text: "192 KiB", Sort: "196608", Number: true}, coordinate("footprint", "196608"))
	assert.Equal(t, field{Text: "all of L2"}, coordinate("footprint", "all of L2"))
	assert.Equal(t, field{Text: "196608"}, coordinate("stride", "196608"))
}

func TestSlowest(t *testing.T) {
	doc := &results.Document{
		Raw:     []results.Raw{{Benchmark: "a", Rounds: []results.Reading{{ElapsedNS: 1e9}, {ElapsedNS: 5e8}}}, {Benchmark: "b", Rounds: []results.Reading{{ElapsedNS: 1e9}}}},
		Kernels: []results.Kernel{{Benchmark: "b", Seconds: 3}, {Benchmark: "c", Seconds: 0.1}},
	}
	assert.Equal(t, []cost{{"b", "b-b", 1, 1, 3}, {"a", "b-a", 1, 1.5, 0}}, slowest(doc, 2))
}

func TestShell(t *testing.T) {
	assert.Equal(t, `gpubench run 'tensor/*' 'it'\''s' ''`, shell([]string{"gpubench", "run", "tensor/*", "it's", ""}))
}

func TestSameDocumentSameReport(t *testing.T) {
	doc := plottest.Document(7)
	assert.Equal(t, html(t, doc, fakes()), html(t, plottest.Document(7), fakes()))
	assert.Equal(t, markdownOf(t, doc, fakes()), markdownOf(t, plottest.Document(7), fakes()))
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "report")
	files, err := Write(dir, plottest.Small(7, 2))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "report.html"), files[0])
	assert.Equal(t, filepath.Join(dir, "report.md"), files[1])
	require.Greater(t, len(files), 8)
	text, err := os.ReadFile(files[1])
	require.NoError(t, err)
	page, err := os.ReadFile(files[0])
	require.NoError(t, err)
	for _, f := range files[2:] {
		rel, err := filepath.Rel(dir, f)
		require.NoError(t, err)
		assert.Contains(t, string(text), "]("+filepath.ToSlash(rel)+")")
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(b, []byte("\x89PNG")), f)
	}
	assert.Equal(t, len(files)-2, strings.Count(string(page), "<img "))
	var left []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, ".tmp") {
			left = append(left, path)
		}
		return err
	}))
	assert.Empty(t, left)
	_, err = Write(dir, plottest.Small(7, 2))
	require.NoError(t, err, "a second time")
}

func TestWriteWhereItCannot(t *testing.T) {
	_, err := Write(t.TempDir(), nil)
	require.Error(t, err)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	files, err := Write(file, quiet())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "write report")
	assert.Empty(t, files)
	// A report that cannot take its place leaves nothing behind.
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, HTMLName, "in the way"), 0o777))
	_, err = Write(dir, quiet())
	require.Error(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2)
}

// full fails after some bytes, as a disk does.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return f.left, errors.New("no space left")
	}
	f.left -= len(p)
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	doc := plottest.Document(7)
	assert.ErrorContains(t, HTML(&full{100000}, doc, fakes()), "no space left")
	assert.ErrorContains(t, Markdown(&full{10000}, doc, fakes(), "."), "no space left")
	assert.Error(t, HTML(io.Discard, nil, nil))
	assert.Error(t, Markdown(io.Discard, nil, nil, "."))
}

func TestLink(t *testing.T) {
	assert.Equal(t, "a%20b/c%281%29.png", link("a b/", "c(1).png"))
	assert.Equal(t, "c.png", link(".", "c.png"))
}

// BenchmarkWrite is the whole way from a document of 1500 rows to the files; it
// must take at most three seconds on two cores.
func BenchmarkWrite(b *testing.B) {
	doc := plottest.Large(7, 1500)
	dir := b.TempDir()
	n := 0
	start := time.Now()
	for b.Loop() {
		files, err := Write(dir, doc)
		if err != nil {
			b.Fatal(err)
		}
		n = len(files) - 2
	}
	if per := time.Since(start) / time.Duration(max(b.N, 1)); per > 3*time.Second {
		b.Logf("too slow: %v", per)
	}
	b.ReportMetric(float64(n), "pictures")
	b.ReportMetric(float64(len(doc.Rows)), "rows")
}

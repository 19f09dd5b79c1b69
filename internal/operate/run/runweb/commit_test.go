package runweb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const changed = `diff --git a/playbooks/site.yml b/playbooks/site.yml
index 419b8d5..ebbc2e1 100644
--- a/playbooks/site.yml
+++ b/playbooks/site.yml
@@ -1,3 +1,3 @@
 ---
--- was a comment
+++ is a plus
 # end
diff --git a/old name.yml b/new name.yml
similarity index 100%
rename from old name.yml
rename to new name.yml
diff --git a/gone.yml b/gone.yml
deleted file mode 100644
index 419b8d5..0000000
--- a/gone.yml
+++ /dev/null
@@ -1 +0,0 @@
-diff --git a/no b/no
`

func TestADifferenceIsTakenApartByFiles(t *testing.T) {
	want := []fileDiff{
		{Name: "playbooks/site.yml", Added: 1, Removed: 1, Href: "/c?file=playbooks%2Fsite.yml", Text: "@@ -1,3 +1,3 @@\n ---\n--- was a comment\n+++ is a plus\n # end"},
		{Name: "new name.yml", Href: "/c?file=new+name.yml", Text: "similarity index 100%\nrename from old name.yml\nrename to new name.yml"},
		{Name: "gone.yml", Removed: 1, Href: "/c?file=gone.yml", Text: "deleted file mode 100644\n@@ -1 +0,0 @@\n-diff --git a/no b/no"},
	}
	if diff := cmp.Diff(want, filesOf(changed, "/c", "")); diff != "" {
		t.Error(diff)
	}
	for _, f := range filesOf(changed, "/c", "gone.yml") {
		if (f.Text != "") != (f.Name == "gone.yml") {
			t.Errorf("of one file alone, %s shows %q", f.Name, f.Text)
		}
	}
}

func TestAFileThatDoesNotFitHasAPageOfItsOwn(t *testing.T) {
	long := "diff --git a/long b/long\n--- a/long\n+++ b/long\n@@ -0,0 +1 @@\n" + strings.Repeat("+line\n", diffShown/6+1)
	files := filesOf(long+changed, "/c", "")
	if len(files) != 4 || files[0].Text != "" || files[0].Added != diffShown/6+1 || files[1].Text == "" {
		t.Errorf("%d files, the long one shows %d bytes", len(files), len(files[0].Text))
	}
	if one := filesOf(long+changed, "/c", "long"); one[0].Text == "" {
		t.Error("the long file is not shown on its own page")
	}
}

func TestALongMessageIsCutBetweenLinesAndCharacters(t *testing.T) {
	if s, cut := firstLines("a\nb\nc", 2); s != "a\nb" || !cut {
		t.Errorf("%q, %t", s, cut)
	}
	if s, cut := firstLines("a\nb", 2); s != "a\nb" || cut {
		t.Errorf("%q, %t", s, cut)
	}
	if s, cut := firstLines(strings.Repeat("é", 10_000), 2); !cut || strings.ContainsRune(s, '\uFFFD') || len(s) > 6<<10 {
		t.Errorf("%d bytes, %t", len(s), cut)
	}
}

func FuzzDifferencesAreTakenApart(f *testing.F) {
	f.Add(changed)
	f.Add("diff --git ")
	f.Fuzz(func(t *testing.T, text string) {
		if got := strings.Join(splitFiles(text), ""); got != text {
			t.Errorf("the parts of %q are %q", text, got)
		}
		filesOf(text, "/c", "")
	})
}

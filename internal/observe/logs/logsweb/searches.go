package logsweb

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/people"
)

func (f *face) registerSearches() {
	f.c.Action("POST /logs/searches", people.Responder, f.save)
	f.c.Action("POST /logs/searches/{id}/delete", people.Responder, f.forget)
	f.c.API("GET /api/vigie/v1/logs/searches", people.Viewer, f.apiSearches, console.Doc{Summary: "Saved searches", Answer: console.Items[logs.Search]{}})
	f.c.API("POST /api/vigie/v1/logs/searches", people.Responder, f.apiSave, console.Doc{Summary: "Save a search", Body: saveItem{}, Answer: logs.Search{}})
	f.c.API("DELETE /api/vigie/v1/logs/searches/{id}", people.Responder, f.apiForget, console.Doc{Summary: "Delete a saved search", Status: http.StatusNoContent})
}

// savedView is what stands under "Saved".
type savedView struct {
	all     []savedRow
	address string // of the page as it is shown
	may     bool
}

type savedRow struct{ id, name, href, by string }

func (f *face) saved(r *http.Request) (savedView, error) {
	all, err := f.o.Searches.All(r.Context())
	v := savedView{address: r.URL.RawQuery, may: console.Actor(r).Role.Allows(people.Responder)}
	for _, s := range all {
		v.all = append(v.all, savedRow{s.ID, s.Name, home + "?" + s.Address, f.o.Name(s.By)})
	}
	return v, err
}

func tellSearch(err error) error {
	if errors.Is(err, logs.ErrSearch) {
		return console.Invalid(err.Error())
	}
	return err
}

func (f *face) save(w http.ResponseWriter, r *http.Request) error {
	address, err := url.ParseQuery(r.PostFormValue("address"))
	if err != nil {
		return console.Invalid("address: it cannot be read")
	}
	one, err := f.o.Searches.Save(r.Context(), console.Actor(r).Slug, r.PostFormValue("name"), address)
	if err != nil {
		return tellSearch(err)
	}
	return console.SeeOther(w, r, console.Said(home+"?"+one.Address, "saved"))
}

func (f *face) forget(w http.ResponseWriter, r *http.Request) error {
	if err := f.remove(r); err != nil {
		return err
	}
	address, err := url.ParseQuery(r.PostFormValue("address"))
	if err != nil {
		address = nil
	}
	address.Del("said")
	return console.SeeOther(w, r, home+"?"+address.Encode())
}

func (f *face) remove(r *http.Request) error {
	found, err := f.o.Searches.Delete(r.Context(), r.PathValue("id"))
	if err == nil && !found {
		return console.NotFound("There is no such search any more.")
	}
	return err
}

func (f *face) apiSearches(w http.ResponseWriter, r *http.Request) error {
	all, err := f.o.Searches.All(r.Context())
	if err != nil {
		return err
	}
	return console.WriteItems(w, all, "")
}

// saveItem asks to save a search.
type saveItem struct {
	Name    string `json:"name"`
	Address string `json:"address"` // such as q=log.level:error&range=6h
}

func (f *face) apiSave(w http.ResponseWriter, r *http.Request) error {
	var in saveItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	address, err := url.ParseQuery(in.Address)
	if err != nil {
		return console.Invalid("address: " + err.Error())
	}
	one, err := f.o.Searches.Save(r.Context(), console.Actor(r).Slug, in.Name, address)
	if err != nil {
		return tellSearch(err)
	}
	return console.WriteJSON(w, one)
}

func (f *face) apiForget(w http.ResponseWriter, r *http.Request) error {
	if err := f.remove(r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

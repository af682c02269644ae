package opensearch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/opensearch/client"
)

// kindSearches is the kind of the notes that have saved searches, one for each user: the name is the user's.
const kindSearches = "searches"

// searchesDoc is the document of the saved searches of a user.
func searchesDoc(contactCenter, user string) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(contactCenter)) + ":" + contactCenter + user))
	return "searches-" + base64.RawURLEncoding.EncodeToString(sum[:15])
}

// readSearches reads the saved searches of a user.
func (x *engine) readSearches(
	ctx context.Context, contactCenter, user string,
) (all []index.SavedSearch, doc *kept[note], err error) {
	doc, err = x.readNote(ctx, searchesDoc(contactCenter, user))
	if err != nil || !doc.Found {
		return nil, doc, err
	}
	if doc.Source.ContactCenter != contactCenter || doc.Source.Name != user {
		return nil, nil, errors.New("two users share a key of the cluster")
	}
	if err := json.Unmarshal([]byte(doc.Source.Body), &all); err != nil {
		return nil, nil, fmt.Errorf("decoding saved searches: %w", err)
	}
	return all, doc, nil
}

// SavedSearches returns the saved searches of a user; see [index.SavedSearches].
func (x *Index) SavedSearches(ctx context.Context, contactCenter, user string) ([]index.SavedSearch, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all, _, err := x.readSearches(ctx, contactCenter, user)
	return all, err
}

// ChangeSavedSearches changes them; see [index.SavedSearches]. It calls change again where another service
// was faster, and where nobody knows whether the first time took effect: then it finds that out.
func (x *Index) ChangeSavedSearches(
	ctx context.Context, contactCenter, user string, change func([]index.SavedSearch) ([]index.SavedSearch, error),
) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	var wanted string // what was tried to be written last
	for {
		before, doc, err := x.readSearches(ctx, contactCenter, user)
		if err != nil {
			return err
		}
		if wanted != "" && (doc.Found && doc.Source.Body == wanted || !doc.Found && wanted == "[]") {
			return nil // it took effect
		}
		after, err := change(before)
		switch {
		case err != nil:
			return err
		case slices.EqualFunc(before, after, func(a, b index.SavedSearch) bool { return a.Equal(&b) }):
			return nil
		}

		body, err := json.Marshal(append([]index.SavedSearch{}, after...), json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("encoding saved searches: %w", err)
		}
		wanted = string(body)
		var n *note
		if len(after) > 0 {
			n = &note{Kind: kindSearches, ContactCenter: contactCenter, Name: user, Body: wanted}
		}
		if ok, err := x.writeNote(ctx, searchesDoc(contactCenter, user), n, doc); ok || err != nil {
			return err
		}
	}
}

// SavedSearchUsers lists who has saved searches; see [index.SavedSearches].
func (x *Index) SavedSearchUsers(ctx context.Context, contactCenter string) (users []string, err error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := x.refreshIndex(ctx, x.state); err != nil {
		return nil, err
	}

	const each = 1000
	for after := ""; ; {
		some, err := x.searchNames(ctx, []object{
			{"term": object{"contactCenter": contactCenter}}, {"term": object{"kind": kindSearches}},
			{"range": object{"name": object{"gt": after}}},
		}, each)
		if err != nil {
			return nil, fmt.Errorf("listing saved searches: %w", err)
		}
		users = append(users, some...)
		if len(some) < each {
			return users, nil
		}
		after = some[len(some)-1]
	}
}

// searchNames lists the names of notes that match all filters, in order: the first of them.
func (x *engine) searchNames(ctx context.Context, filters []object, limit int) (names []string, err error) {
	body := object{
		"size": limit, "track_total_hits": false, "sort": []object{{"name": "asc"}}, "_source": []string{"name"},
		"query": object{"bool": object{"filter": filters}},
	}
	path := "/" + x.state + "/_search?allow_partial_search_results=false"
	for {
		var answer struct {
			TimedOut bool   `json:"timed_out"`
			Shards   shards `json:"_shards"`
			Hits     struct {
				Hits []listed `json:"hits"`
			} `json:"hits"`
		}
		err := x.ask(ctx, client.Post, path, body, &answer)
		if err == nil && (answer.TimedOut || answer.Shards.Failed > 0) {
			err = errPartial
		}
		if err != nil && x.again(ctx, err) {
			continue
		}
		if err != nil {
			return nil, x.failed("listing", err)
		}
		for i := range answer.Hits.Hits {
			names = append(names, answer.Hits.Hits[i].Source.Name)
		}
		return names, nil
	}
}

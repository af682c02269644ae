package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"recordings/api/client"
	"recordings/mapping"
)

// started is a service with three calls, for the examples.
func started() (url string, stop func()) {
	s := startService()
	c := must(client.New(s.url, client.Options{User: "ops", Password: password}))
	defer c.Close()
	for i, id := range []string{"first", "second", "third"} {
		try(os.WriteFile(filepath.Join(s.media, id+".wav"), []byte("RIFF of "+id), 0o600))
		must(c.Center("cc").Post(context.Background(), call(id, i)))
	}
	return s.url, s.stop
}

// An administrator goes through all calls of an agent, the newest first, whatever pages they come in.
func ExampleCenter_All() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "admin", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	query := client.Query{Criteria: client.Criteria{mapping.ParamUserName: "smith"}}
	for r, err := range c.Own().All(context.Background(), query) {
		if err != nil {
			panic(err)
		}
		fmt.Println(r.StartTime, r.ID, r.Seconds())
	}
	// Output:
	// 2023-11-14T22:15:20.000+0000 third 30
	// 2023-11-14T22:14:20.000+0000 second 30
	// 2023-11-14T22:13:20.000+0000 first 30
}

// A recorder posts many recordings, and learns of each what became of it.
func ExampleCenter_PostAll() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "ops", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	wrong := call("fifth", 5)
	wrong.MediaFiles[0].CallUUID = ""
	calls := slices.Values([]*client.Recording{call("third", 2), call("fourth", 4), wrong})
	for v, err := range c.Center("cc").PostAll(context.Background(), calls, client.BatchOptions{}) {
		switch {
		case err != nil:
			panic(err)
		case v.Rejected():
			fmt.Println(v.ID, "is rejected:", v.StatusMessage)
		default:
			fmt.Println(v.ID, "is", v.Outcome)
		}
	}
	// Output:
	// third is unchanged
	// fourth is created
	// fifth is rejected: mediaFiles[0].callUUID is not a non-empty string without leading or ending spaces
}

// An export has all recordings that match in one state. It is resumed where the connection breaks, and
// an error says that it is not whole.
func ExampleCenter_ExportAll() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "admin", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	query := client.Query{Criteria: client.Criteria{mapping.ParamStartTime: "0"}}
	count := 0
	for r, err := range c.Own().ExportAll(context.Background(), query, client.ExportOptions{RetryFor: 60e9}) {
		if err != nil {
			panic(err)
		}
		count += len(r.MediaFiles)
	}
	fmt.Println(count, "media files")
	// Output: 3 media files
}

// The media of a recording is read like any file, from wherever one likes.
func ExampleCenter_Play() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "admin", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	ctx := context.Background()
	r, err := c.Own().Get(ctx, "second")
	if err != nil {
		panic(err)
	}
	media, err := c.Own().Play(ctx, r.MediaFiles[0].URI)
	if err != nil {
		panic(err)
	}
	defer media.Close()

	if _, err := media.Seek(-6, io.SeekEnd); err != nil {
		panic(err)
	}
	end, err := io.ReadAll(media)
	fmt.Printf("%s of %d bytes ends with %q, %v\n", media.Type, media.Size, end, err)
	// Output: audio/wav of 14 bytes ends with "second", <nil>
}

// What the service refuses comes back with its own words, and a code.
func ExampleRefusedError() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "ops", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	_, err = c.Center("cc").Delete(context.Background(), "fourth", true)
	if refused, ok := errors.AsType[*client.RefusedError](err); ok && refused.Code == client.CodeNotFound {
		fmt.Println(refused.Message)
	}
	// Output: no such recording
}

// An administrator comments on a moment of a call, finds the call by that, and thinks better of it.
func ExampleCenter_Comment() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "admin", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	ctx, own, at := context.Background(), c.Own(), 12.5
	written, err := own.Comment(ctx, "second", &at, "Asks for a refund!")
	if err != nil {
		panic(err)
	}
	for r, err := range own.All(ctx, client.Query{Criteria: client.Criteria{mapping.ParamComment: "refund"}}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(r.ID, *r.Comments[0].At, r.Comments[0].User, r.Comments[0].Text)
	}

	if _, err := own.ChangeComment(ctx, "second", written.ID, nil, "Wants to cancel"); err != nil {
		panic(err)
	}
	all, err := own.Comments(ctx, "second")
	if err != nil {
		panic(err)
	}
	fmt.Println(len(all), all[0].At == nil, all[0].Text)

	if err := own.DeleteComment(ctx, "second", written.ID); err != nil {
		panic(err)
	}
	// Output:
	// second 12.5 admin Asks for a refund!
	// 1 true Wants to cancel
}

// A supervisor saves a search, and makes it again later: what is new since then is counted by another.
func ExampleCenter_SaveSearch() {
	url, stop := started()
	defer stop()

	c, err := client.New(url, client.Options{User: "admin", Password: password})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	ctx, own := context.Background(), c.Own()
	search := client.SavedSearch{
		Name: "Calls of Smith", Criteria: client.Criteria{mapping.ParamUserName: "smith"}, LookedAt: 1_000,
	}
	if err := own.SaveSearch(ctx, search); err != nil {
		panic(err)
	}
	saved, err := own.SavedSearch(ctx, "calls of smith")
	if err != nil {
		panic(err)
	}
	asked, err := saved.Asked(time.Now())
	if err != nil {
		panic(err)
	}
	asked[mapping.ParamChangedSince] = saved.LookedAt.String()
	n, err := own.Count(ctx, asked)
	if err != nil {
		panic(err)
	}
	fmt.Println(saved.Name, "has", n, "new calls")
	// Output:
	// Calls of Smith has 3 new calls
}

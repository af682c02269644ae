package mapping

import (
	"slices"
	"strings"
)

// VisibleTo reports whether somebody with these access groups may see the recording: one of its media
// files has an access group that is one of theirs or lies below it. Nil groups see all recordings; any
// others see none that has no access groups.
func (s *Searchable) VisibleTo(groups []string) bool {
	return groups == nil || slices.ContainsFunc(s.AccessGroups, func(group string) bool {
		return slices.Contains(groups, group)
	})
}

// VisibleTo reports the same of the recording itself; see [Searchable.VisibleTo].
func (r *Recording) VisibleTo(groups []string) bool {
	if groups == nil {
		return true
	}
	s := Searchable{AccessGroups: r.accessGroups()}
	return s.VisibleTo(groups)
}

// NormalAccessGroup is how an access group is compared: without slashes at its end. Case counts.
func NormalAccessGroup(group string) string {
	if trimmed := strings.TrimRight(group, "/"); trimmed != "" || group == "" {
		return trimmed
	}
	return "/" // above all groups that begin with it
}

// accessGroups are the groups of all media files, each with those that it lies below: of /Sales/Team1
// these are /Sales and /. They are sorted, each once.
func (r *Recording) accessGroups() (all []string) {
	for i := range r.MediaFiles {
		for _, group := range r.MediaFiles[i].AccessGroups {
			group = NormalAccessGroup(group)
			for at, c := range group {
				if c == '/' {
					all = append(all, NormalAccessGroup(group[:at+1]))
				}
			}
			if group != "" {
				all = append(all, group)
			}
		}
	}
	return sortedUnique(all)
}

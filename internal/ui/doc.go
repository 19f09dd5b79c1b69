// Package ui is the component kit of the console: templ components, the style
// sheet and the small JavaScript modules they need.
//
// It knows no domain word. Components take small structs of words that are
// ready to read; what a word should be is decided by whoever builds the page.
// Every component is shown in every state on the page of package kit.
//
// Pages are served under a policy that forbids inline styles and scripts
// (ContentSecurityPolicy). Nothing here, and nothing in a page made of it, may
// carry a style attribute or a script of its own. Everything works without
// JavaScript except what is live.
package ui

"use strict";
(function () {
  const body = document.body, find = document.getElementById("find"), found = document.getElementById("found");
  const pages = Array.from(document.querySelectorAll(".page"));
  const links = Array.from(document.querySelectorAll("nav li a"));
  let texts = null;

  function speak(tongue) {
    body.classList.remove("say-zh", "say-en", "say-both");
    body.classList.add("say-" + tongue);
    find.placeholder = find.dataset[tongue] || find.placeholder;
    document.documentElement.lang = tongue === "en" ? "en" : "zh-CN";
    document.querySelectorAll("[data-say]").forEach((one) => one.classList.toggle("on", one.dataset.say === tongue));
    try { localStorage.setItem("say", tongue); } catch (refused) { /* a file opened without storage keeps no choice */ }
  }

  function remembered() {
    try { return localStorage.getItem("say"); } catch (refused) { return null; }
  }

  function show() {
    const name = decodeURIComponent(location.hash.slice(1)) || "index";
    const page = pages.find((one) => one.id === name) || pages[0];
    found.hidden = true;
    pages.forEach((one) => { one.hidden = one !== page; });
    links.forEach((one) => {
      const here = one.hash === "#" + page.id;
      one.classList.toggle("on", here);
      if (here) { one.scrollIntoView({ block: "nearest" }); }
    });
    body.classList.remove("open");
    window.scrollTo(0, 0);
  }

  function safe(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  function lit(text, words) {
    const marks = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
    return safe(text).replace(new RegExp(safe(marks), "gi"), "<mark>$&</mark>");
  }

  function read() {
    texts = pages.map((page) => {
      const title = page.querySelector("h1").textContent;
      const text = page.textContent.replace(/\s+/g, " ");
      return { page: page, title: title, text: text, low: text.toLowerCase(), head: (page.id + " " + title).toLowerCase() };
    });
  }

  function search() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) { show(); return; }
    if (!texts) { read(); }
    const hits = texts.filter((one) => words.every((word) => one.low.includes(word)));
    const rank = (one) => (one.page.id.toLowerCase() === words[0] ? 0 : words.every((word) => one.head.includes(word)) ? 1 : 2);
    hits.sort((left, right) => rank(left) - rank(right));
    const items = hits.map((one) => {
      const at = one.low.indexOf(words[0]), from = Math.max(0, at - 50);
      return '<li><a href="#' + one.page.id + '"><b>' + lit(one.title, words) + "</b></a><p>…" +
        lit(one.text.slice(from, from + 150), words) + "…</p></li>";
    });
    found.innerHTML = "<h1>" + hits.length + " × “" + safe(find.value) + "”</h1><ul>" + items.join("") + "</ul>";
    pages.forEach((one) => { one.hidden = true; });
    found.hidden = false;
    body.classList.remove("open");
    window.scrollTo(0, 0);
  }

  document.querySelectorAll("[data-say]").forEach((one) => one.addEventListener("click", () => speak(one.dataset.say)));
  document.getElementById("menu").addEventListener("click", () => body.classList.toggle("open"));
  found.addEventListener("click", (event) => { if (event.target.closest("a")) { find.value = ""; show(); } });
  document.getElementById("nav").addEventListener("click", (event) => { if (event.target.closest("a")) { find.value = ""; show(); } });
  find.addEventListener("input", search);
  window.addEventListener("hashchange", () => { find.value = ""; show(); });
  if (document.querySelector("[data-say]")) {
    speak(remembered() || ((navigator.language || "zh").startsWith("zh") ? "zh" : "en"));
  }
  show();
}());

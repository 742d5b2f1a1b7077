(() => {
  "use strict";
  const one = (query, within = document) => within.querySelector(query);
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const make = (tag, attributes = {}, ...inner) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== "" && value !== undefined) made.setAttribute(name, value);
    made.append(...inner);
    return made;
  };
  const cases = all(".case");

  // ---- filters
  const off = new Set();
  let clause = "";
  const filter = () => {
    const wanted = one("#find").value.trim().toLowerCase();
    const must = one("#must").getAttribute("aria-pressed") === "true";
    let shown = 0;
    for (const row of cases) {
      const data = row.dataset;
      const fits = !off.has(data.verdict) && (!clause || data.clause === clause) && (!must || data.level === "MUST") && (!wanted || data.find.includes(wanted));
      row.hidden = !fits;
      shown += fits;
    }
    one("#shown").textContent = `${shown} / ${cases.length}`;
    for (const row of all("#clauses tbody tr")) row.classList.toggle("on", row.dataset.clause === clause);
  };
  const press = (button) => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    return on;
  };
  one("#find").addEventListener("input", filter);
  one("#must").addEventListener("click", (event) => { press(event.currentTarget); filter(); });
  for (const chip of all("[data-verdict][aria-pressed]")) chip.addEventListener("click", () => {
    off[press(chip) ? "delete" : "add"](chip.dataset.verdict);
    filter();
  });
  for (const row of all("#clauses tbody tr")) one("button", row).addEventListener("click", () => {
    clause = clause === row.dataset.clause ? "" : row.dataset.clause;
    filter();
    if (clause) one("#filters").scrollIntoView();
  });
  const tongues = [["", "中文 + English"], ["only-zh", "中文"], ["only-en", "English"]];
  let tongue = 0;
  one("#tongue").addEventListener("click", (event) => {
    tongue = (tongue + 1) % tongues.length;
    document.body.classList.remove("only-zh", "only-en");
    if (tongues[tongue][0]) document.body.classList.add(tongues[tongue][0]);
    event.currentTarget.textContent = tongues[tongue][1];
  });

  // ---- one case
  const clock = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(11, 23);
  const bytesOf = (entry) => Uint8Array.from(atob(entry.raw), (char) => char.charCodeAt(0));
  const fold = (title, open, ...inner) => make("details", open ? { open: "" } : {}, make("summary", {}, make("b", {}, title)), ...inner);

  const explained = (case_, verdict) => {
    const told = case_.explanation;
    const box = make("div", { class: `explained ${verdict === "FAIL" || verdict === "ERROR" ? "" : verdict === "INCONCLUSIVE" ? verdict : "none"}` });
    const say = (name, text) => { if (text) box.append(make("p", {}, make("b", {}, name), text)); };
    say("原因 reason", told.reason);
    const asked = case_.asked.map((one) => `${one.id}：${one.zh} / ${one.en}`);
    say("条款 clause", [case_.id.split("/")[0], ...asked].join(" · "));
    if (told.line) say("步骤 step", `${told.step} (${told.phase}) ${told.line.text} — ${told.line.place}`);
    if (told.differences.length) {
      const names = ["路径 path / 字节 byte", "期望 expected", "实际 got"];
      const rows = told.differences.map((one) => make("tr", {}, ...[one.at >= 0 ? `${one.path} · byte ${one.at}` : one.path, one.expected, one.got].map((text, n) => make("td", { class: "mono", "data-name": names[n] }, text))));
      box.append(make("table", { class: "diff" }, make("thead", {}, make("tr", {}, ...names.map((name) => make("th", {}, name)))), make("tbody", {}, ...rows)));
    }
    say("可能的原因 likely cause", told.cause);
    say("最小的修改 smallest change", told.repair);
    if (told.repeat) {
      const copy = make("button", {}, "复制 copy");
      copy.addEventListener("click", () => navigator.clipboard && navigator.clipboard.writeText(told.repeat).then(() => { copy.textContent = "✓"; }));
      box.append(make("p", {}, make("b", {}, "只重做此例 just this case again")), make("div", { class: "again" }, make("code", {}, told.repeat), copy));
    }
    return box;
  };

  const NS = "http://www.w3.org/2000/svg";
  const shape = (tag, attributes, text) => {
    const made = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const drawn = (case_, width, sut, open) => {
    const lanes = [...new Set([...case_.parties, ...case_.log.map((entry) => entry.party)])].filter(Boolean);
    const places = [...lanes.slice(0, 1), sut, ...lanes.slice(1)];
    const total = Math.max(320, Math.min(width, 240 * places.length));
    const step = total / places.length;
    const at = (name) => (places.indexOf(name) + 0.5) * step;
    const height = 46 + 34 * case_.log.length;
    const svg = shape("svg", { viewBox: `0 0 ${total} ${height}`, width: total, height, role: "img", "aria-label": "时序图 sequence" });
    for (const name of places) {
      svg.append(shape("line", { class: "lane", x1: at(name), x2: at(name), y1: 26, y2: height }));
      svg.append(shape("text", { x: at(name), y: 16, "text-anchor": "middle", "font-weight": "bold" }, name === sut ? `${name} ◆` : name));
    }
    const failed = case_.explanation && case_.explanation.step;
    case_.log.forEach((entry, n) => {
      const y = 58 + 34 * n;
      if (entry.way === "note") {
        svg.append(shape("text", { class: "note", x: 4, y: y - 4 }, entry.text.slice(0, Math.floor(total / 9))));
        return;
      }
      const party = entry.party && entry.party !== sut ? entry.party : lanes[0];
      const [from, to] = entry.way === "sent" ? [at(party), at(sut)] : [at(sut), at(party)];
      const kind = failed === entry.step && entry.way === "got" ? "bad" : entry.way;
      const link = shape("a", { tabindex: 0, role: "button" });
      const side = to > from ? -1 : 1;
      const dash = /receipt|reply/.test(entry.packet.kind || "") ? "5 4" : "";
      link.append(shape("rect", { x: Math.min(from, to), y: y - 22, width: Math.abs(to - from), height: 30, fill: "transparent", stroke: "none" }));
      link.append(shape("line", { class: kind, x1: from, x2: to + side * 6, y1: y, y2: y, "stroke-width": 1.5, "stroke-dasharray": dash }));
      link.append(shape("path", { class: kind, d: `M${to} ${y} l${side * 8} -4 v8 z` }));
      const room = Math.max(10, Math.floor(Math.abs(to - from) / 7.2));
      link.append(shape("text", { class: kind, x: (from + to) / 2, y: y - 6, "text-anchor": "middle" }, entry.label.length > room ? `${entry.label.slice(0, room - 1)}…` : entry.label));
      link.append(shape("title", {}, `${clock(entry.at)} ${entry.label} ${entry.text}`));
      link.addEventListener("click", () => open(n));
      link.addEventListener("keydown", (event) => { if (event.key === "Enter") open(n); });
      svg.append(link);
    });
    return svg;
  };

  const hex = (bytes, width) => {
    const rows = [];
    for (let at = 0; at < bytes.length; at += width) {
      const slice = bytes.subarray(at, at + width);
      const left = [...slice].map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(3 * width - 1);
      const right = [...slice].map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
      rows.push(`${String(at).padStart(6, "0")}  ${left}  ${right}`);
    }
    return rows.join("\n");
  };
  const indented = (xml) => {
    let depth = 0;
    return xml.replace(/>\s*</g, ">\n<").split("\n").map((line) => {
      if (/^<\//.test(line)) depth = Math.max(0, depth - 1);
      const shown = "  ".repeat(depth) + line;
      if (/^<[^!?/][^>]*[^/]>$|^<[^!?/]>$/.test(line) && !/<\//.test(line)) depth += 1;
      return shown;
    }).join("\n");
  };
  const decoded = (entry, bytes) => {
    const pieces = entry.bodies.map(([at, size]) => bytes.subarray(at, at + size));
    if (!pieces.length) return "";
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
    const label = /^gb/i.test(entry.packet.charset || "") ? "gb18030" : "utf-8";
    return indented(new TextDecoder(label).decode(whole));
  };
  const marked = (text, names) => {
    const shown = make("pre");
    const rows = text.split("\n");
    rows.forEach((row, n) => {
      const line = row + (n + 1 < rows.length ? "\n" : "");
      shown.append(names.some((name) => row.includes(`<${name}>`)) ? make("mark", {}, line) : line);
    });
    return shown;
  };
  const message = (entry, n, names) => {
    const way = entry.way === "sent" ? "→" : "←";
    const box = make("details", { class: "message", "data-at": n }, make("summary", {}, `${clock(entry.at)} ${entry.party} ${way} ${entry.label} · ${entry.size ?? 0} B`));
    box.addEventListener("toggle", () => {
      if (!box.open || box.dataset.drawn) return;
      box.dataset.drawn = "1";
      const head = Object.entries(entry.packet).map(([name, value]) => `${name}=${value}`).join("  ");
      box.append(make("div", { class: "head mono" }, [head, entry.text, `connection ${entry.connection}`].filter(Boolean).join(" · ")));
      if (!entry.raw) return;
      const bytes = bytesOf(entry);
      const rest = entry.size > bytes.length ? `\n… ${entry.size - bytes.length} 字节见 results.json / more bytes in results.json` : "";
      const narrow = matchMedia("(max-width:700px)").matches;
      box.append(make("div", { class: "both" }, make("pre", {}, hex(bytes, narrow ? 8 : 16) + rest), marked(decoded(entry, bytes) || "（无文档 no document）", entry.way === "got" ? names : [])));
    });
    return box;
  };

  const unpacked = async (text) => {
    const packed = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  };
  const draw = async (row) => {
    const case_ = await unpacked(one(`#c${row.dataset.n}`).textContent);
    const told = make("div", { class: "told" });
    if (case_.explanation) told.append(explained(case_, row.dataset.verdict));
    if (case_.waiver) told.append(make("p", {}, `豁免 waiver: ${case_.waiver}`));
    for (const note of case_.notes) told.append(make("p", {}, `注 note: ${note}`));
    const facts = [`${clock(case_.started_at)} – ${clock(case_.ended_at)}`, case_.place, case_.covers.join(" ")].filter(Boolean).join(" · ");
    told.append(make("p", { class: "mono" }, facts));
    row.append(told);
    const failed = case_.explanation ? case_.explanation.step : 0;
    const steps = case_.lines.map((line, n) => make("li", n + 1 === failed ? { class: "bad" } : {}, `${line.text} `, make("small", {}, `${line.phase} ${line.place}`)));
    told.append(fold("步骤 steps", false, make("ol", { class: "steps" }, ...steps)));
    if (!case_.log.length) return;
    const names = case_.explanation ? case_.explanation.differences.map((one) => one.path.split("/").pop().replace(/\[.*/, "")).filter(Boolean) : [];
    const boxes = case_.log.map((entry, n) => (entry.way === "note" ? "" : message(entry, n, names)));
    const last = (way, until) => case_.log.reduce((found, entry, n) => (entry.way === way && entry.step <= until ? n : found), -1);
    const shown = failed && /FAIL|INCONCLUSIVE/.test(row.dataset.verdict) ? [last("sent", failed), last("got", failed)] : [];
    const open = (n) => {
      for (const box of all(".message.on", told)) box.classList.remove("on");
      boxes[n].open = true;
      boxes[n].classList.add("on");
      boxes[n].scrollIntoView({ block: "nearest" });
    };
    const sequence = make("div", { class: "wide" });
    told.append(make("h3", {}, "时序 sequence"), sequence, make("h3", {}, "报文 messages"), ...boxes.filter(Boolean));
    for (const n of shown) if (n >= 0) boxes[n].open = true;
    sequence.append(drawn(case_, sequence.clientWidth || 700, one("body").dataset.sut || "SUT", open));
  };
  for (const row of cases) row.addEventListener("toggle", () => {
    if (row.open && !row.dataset.drawn) { row.dataset.drawn = "1"; draw(row); }
  });

  // ---- a case by its address: report.html#5.7/3
  const go = () => {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const row = cases.find((one) => one.dataset.id === wanted);
    if (row) { row.hidden = false; row.open = true; row.scrollIntoView(); }
  };
  addEventListener("hashchange", go);
  filter();
  go();
})();

"use strict";
{
  const SIDES = ["process", "token"];
  const byId = (id) => document.getElementById(id);

  /** An element with properties and content, all of it text or elements: nothing here is read as HTML. */
  const element = (name, properties, ...content) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...content);
    return made;
  };

  /** The module's function from question to answer, both JSON. */
  const start = async () => {
    const bytes = Uint8Array.from(atob(byId("module").textContent), (letter) => letter.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(bytes);
    const { explorer_put, explorer_ask, explorer_get } = instance.exports;
    const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
    return (question) => {
      encoder.encode(JSON.stringify(question)).forEach((byte) => explorer_put(byte));
      const answer = Uint8Array.from({ length: explorer_ask() }, (_, place) => explorer_get(place));
      return JSON.parse(decoder.decode(answer));
    };
  };

  // --- the question, as the address has it

  const asked = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const of = (name) => said.get(name) ?? "";
    return { process: of("process"), token: of("token"), level: of("level") };
  };

  const fragment = (question) => {
    const readable = (text) => encodeURIComponent(text).replaceAll("%3D", "=").replaceAll("%2C", ",");
    const said = ["process", "token", "level"].filter((name) => question[name]);
    return `#${said.map((name) => `${name}=${readable(question[name])}`).join("&")}`;
  };

  // --- the controls: one for each fact of each side, each with what it says and shows

  /** The choice to write a value instead; none that the module offers is empty or has a NUL. */
  const OTHER = "\0";

  const written = (id, values) => {
    const text = element("input", { type: "text", id, autocomplete: "off", spellcheck: false, title: values });
    return {
      parts: [text],
      said: (name) => (text.value.trim() ? `${name}=${text.value.trim()}` : ""),
      show: ({ given, unsaid }) => {
        text.value = given ?? "";
        text.placeholder = unsaid;
      },
    };
  };

  const chosen = (id, fact) => {
    const unsaid = element("option", { value: "" });
    const known = fact.choices.map((value) => element("option", { value }, value));
    const other = fact.values ? [element("option", { value: OTHER }, "another …")] : [];
    const list = element("select", { id }, unsaid, ...known, ...other);
    const own = written(`${id}-other`, fact.values);
    const [text] = own.parts;
    text.className = "other";
    text.setAttribute("aria-label", `${fact.name}: ${fact.values}`);
    const refresh = () => { text.hidden = list.value !== OTHER; };
    list.addEventListener("change", () => {
      refresh();
      if (!text.hidden) text.focus();
    });
    return {
      parts: fact.values ? [list, text] : [list],
      said: (name) => {
        if (list.value === OTHER) return own.said(name);
        if (fact.flag && list.value === "yes") return name;
        return list.value && `${name}=${list.value}`;
      },
      show: (shown) => {
        unsaid.textContent = shown.unsaid;
        const one = known.find((option) => option.value === shown.given);
        // A value that is still to be written is neither.
        const begun = shown.given === null && list.value === OTHER && document.activeElement === text;
        if (!begun) list.value = shown.given === null ? "" : one?.value ?? OTHER;
        own.show({ given: one ? "" : shown.given, unsaid: fact.values ?? "" });
        refresh();
      },
    };
  };

  const factRow = (side, fact) => {
    const id = `${side}-${fact.name}`;
    const control = fact.choices.length ? chosen(id, fact) : written(id, fact.values);
    const about = element("small", { id: `${id}-about` }, fact.about);
    control.parts.forEach((part) => part.setAttribute("aria-describedby", about.id));
    const row = element("div", { className: "fact" }, element("label", { htmlFor: id }, fact.name), ...control.parts, about);
    return { ...control, name: fact.name, row };
  };

  const levelRow = ({ value, label }) => {
    const radio = element("input", { type: "radio", name: "level", value });
    return element("label", {}, radio, label);
  };

  const fieldset = (className, title, ...content) => element("fieldset", { className }, element("legend", {}, title), ...content);

  // --- the answer

  const SIGNS = { kept: "✓", copied: "↓", refused: "✗" };

  const profileRow = (profile) => {
    const sign = element("span", { ariaHidden: "true" });
    const [decision, rule, since] = ["decision", "rule", "since"].map((className) => element("span", { className }));
    const more = element("div", { className: "more" });
    const tried = element("ol", { className: "tried", ariaLabel: "Rules tried" });
    // On a phone the style makes blocks of rows and cells, which would be no table any more without their roles.
    const head = element("th", { scope: "row", role: "rowheader" }, profile.name, " ", element("small", {}, profile.describes));
    const cell = element("td", { role: "cell" }, sign, " ", decision, more);
    const rules = element("td", { role: "cell" }, rule, ": ", since, tried);
    byId("profiles").tBodies[0].append(element("tr", { role: "row" }, head, cell, rules));
    let before;
    return (row) => {
      const lines = [];
      if (before !== undefined && before !== row.decided) lines.push(element("em", { className: "was" }, `was ${before}`));
      if (row.open !== null) lines.push(`${row.open} without rules whose builds are not established`);
      if (row.asked !== null) {
        const asked = element("span", { className: "decision" }, row.asked.decided);
        const by = element("span", { className: "rule" }, row.asked.rule);
        lines.push(element("span", { className: "asked" }, `if its callers could ask for ${row.asked.level}: `, asked, ", by ", by));
      }
      before = row.decided;
      cell.className = row.verdict;
      sign.textContent = SIGNS[row.verdict];
      decision.textContent = row.decided;
      rule.textContent = row.rule;
      since.textContent = row.since;
      more.replaceChildren(...lines.map((line) => element("small", {}, line)));
      const last = row.tried.length - 1;
      tried.replaceChildren(...row.tried.map((words, place) => element("li", { className: place === last ? "decides" : "" }, words, " ")));
    };
  };

  const item = ({ text, question }) => element("li", {}, question ? element("a", { href: fragment(question) }, text) : text);
  const section = ({ title, folded, items }) => {
    const list = element("ul", {}, ...items.map(item));
    return folded ? [element("details", {}, element("summary", {}, title), list)] : [element("h2", {}, title), list];
  };

  const copy = async (from) => {
    const text = from.href ?? from.textContent;
    try {
      await navigator.clipboard.writeText(text);
      byId("copied").textContent = `Copied: ${text}`;
    } catch {
      getSelection().selectAllChildren(from);
      byId("copied").textContent = "The browser does not copy; it is selected now.";
    }
  };

  // --- the page

  const run = async () => {
    const ask = await start();
    const offered = ask({ ask: "form" });
    const form = byId("question");
    const rows = {};
    for (const side of SIDES) {
      rows[side] = offered[side].facts.map((fact) => factRow(side, fact));
      form.append(fieldset("", offered[side].title, ...rows[side].map(({ row }) => row)));
    }
    const levelAbout = element("small", { id: "level-about" });
    const level = fieldset("level", offered.level.title, ...offered.level.values.map(levelRow), levelAbout);
    level.setAttribute("aria-describedby", levelAbout.id);
    form.append(level);
    const profiles = offered.profiles.map(profileRow);
    const presets = offered.presets.map((preset) => {
      const link = element("a", { href: fragment(preset) }, preset.title);
      byId("presets").append(element("li", {}, link));
      return { ...preset, link };
    });

    /** What the controls say. */
    const said = () => {
      const facts = (side) => rows[side].map((row) => row.said(row.name)).filter((fact) => fact).join(",");
      return { process: facts("process"), token: facts("token"), level: form.elements.level.value };
    };

    const show = (question) => {
      const reply = ask({ ask: "question", ...question });
      const refused = reply.error !== undefined;
      byId("first").classList.toggle("wrong", refused);
      byId("first").textContent = reply.error ?? reply.first;
      byId("answer").hidden = refused;
      const here = fragment(question);
      for (const { link } of presets) link.removeAttribute("aria-current");
      const preset = presets.find(({ link }) => link.getAttribute("href") === here);
      preset?.link.setAttribute("aria-current", "true");
      byId("about").textContent = preset?.about ?? "";
      if (refused) return;
      showControls(reply);
      profiles.forEach((showRow, place) => showRow(reply.profiles[place]));
      byId("sections").replaceChildren(...reply.sections.flatMap(section));
      byId("command").textContent = reply.command;
      byId("link").href = here;
    };

    /** What the controls are set to, and what holds where nothing is chosen. */
    const showControls = (reply) => {
      for (const side of SIDES) {
        for (const row of rows[side]) {
          const shown = reply[side].find(({ name }) => name === row.name);
          row.show(shown);
          row.row.classList.toggle("given", shown.given !== null);
        }
      }
      for (const radio of form.elements.level) radio.checked = radio.value === reply.level;
      levelAbout.textContent = reply.level_about;
    };

    form.addEventListener("change", () => {
      const question = said();
      // No entry of the history for each fact.
      history.replaceState(null, "", fragment(question));
      show(question);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", () => show(asked()));
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => copy(byId(button.dataset.copy)));
    }
    // A link that is refused shows nothing in the controls.
    showControls(ask({ ask: "question", process: "", token: "", level: "" }));
    show(asked());
    performance.mark("first answer");
  };

  run().catch((error) => {
    byId("first").classList.add("wrong");
    byId("first").textContent = `The rules cannot run here: ${error.message}`;
    throw error;
  });
}

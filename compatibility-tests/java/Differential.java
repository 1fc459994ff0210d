import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * What Apache Avro for Java says of schemas and pairs: a JSON object a line in, one a line out.
 *
 * In: {"schema": text}, or {"writer", "reader", "physical_writer", "physical_reader": texts, "data": [hexadecimal]}.
 * Out: "refusal" (null: the schemas are valid), "incompatible" (null: compatible), and for each datum in "reads" either
 * {"bytes", "value"} (read without logical types, and written again by the reader's schema) or {"error"}; in "meant" and
 * "understood" the value read with the writer's and with the reader's schema, or null where that fails.
 */
public final class Differential {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final GenericData LOGICAL = logical();

    public static void main(String[] arguments) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
        }
    }

    private static ObjectNode answer(JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        try {
            if (question.has("schema")) {
                parse(question.get("schema").textValue());
                return answer.putNull("refusal");
            }
            parse(question.get("writer").textValue());
            parse(question.get("reader").textValue());
            answer.putNull("refusal");
        } catch (Exception | StackOverflowError refusal) {
            return answer.put("refusal", words(refusal));
        }
        compare(question, answer);
        read(question, answer);
        return answer;
    }

    private static Schema parse(String text) {
        return new Schema.Parser().setValidateDefaults(true).parse(text);
    }

    private static void compare(JsonNode question, ObjectNode answer) {
        try {
            Schema writer = parse(question.get("writer").textValue());
            Schema reader = parse(question.get("reader").textValue());
            var result = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getResult();
            boolean compatible = result.getCompatibility() == SchemaCompatibility.SchemaCompatibilityType.COMPATIBLE;
            answer.put("incompatible", compatible ? null : result.getIncompatibilities().toString());
        } catch (Exception | StackOverflowError error) {
            answer.put("incompatible", words(error));
        }
    }

    private static void read(JsonNode question, ObjectNode answer) {
        ArrayNode reads = answer.putArray("reads");
        ArrayNode meant = answer.putArray("meant");
        ArrayNode understood = answer.putArray("understood");
        for (JsonNode hexadecimal : question.get("data")) {
            byte[] data = HexFormat.of().parseHex(hexadecimal.textValue());
            String writer = question.get("writer").textValue();
            reads.add(physical(question, data));
            meant.add(meaning(writer, writer, data));
            understood.add(meaning(writer, question.get("reader").textValue(), data));
        }
    }

    private static ObjectNode physical(JsonNode question, byte[] data) {
        ObjectNode result = JSON.createObjectNode();
        try {
            Schema writer = parse(question.get("physical_writer").textValue());
            Schema reader = parse(question.get("physical_reader").textValue());
            Object value = decode(new GenericData(), writer, reader, data);
            var bytes = new ByteArrayOutputStream();
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
            new GenericDatumWriter<Object>(reader).write(value, encoder);
            encoder.flush();
            return result.put("bytes", HexFormat.of().formatHex(bytes.toByteArray())).put("value", String.valueOf(value));
        } catch (Exception | StackOverflowError error) {
            return result.put("error", words(error));
        }
    }

    private static String meaning(String writer, String reader, byte[] data) {
        try {
            return String.valueOf(decode(LOGICAL, parse(writer), parse(reader), data));
        } catch (Exception | StackOverflowError error) {
            return null;
        }
    }

    private static Object decode(GenericData model, Schema writer, Schema reader, byte[] data) throws IOException {
        var datumReader = new GenericDatumReader<Object>(writer, reader, model);
        return datumReader.read(null, DecoderFactory.get().binaryDecoder(data, null));
    }

    private static String words(Throwable error) {
        return error.getClass().getSimpleName() + ": " + error.getMessage();
    }

    private static GenericData logical() {
        GenericData model = new GenericData();
        model.addLogicalTypeConversion(new Conversions.DecimalConversion());
        model.addLogicalTypeConversion(new Conversions.BigDecimalConversion());
        model.addLogicalTypeConversion(new Conversions.UUIDConversion());
        model.addLogicalTypeConversion(new TimeConversions.DateConversion());
        model.addLogicalTypeConversion(new TimeConversions.TimeMillisConversion());
        model.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
        model.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
        model.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
        model.addLogicalTypeConversion(new TimeConversions.TimestampNanosConversion());
        model.addLogicalTypeConversion(new TimeConversions.LocalTimestampMillisConversion());
        model.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
        model.addLogicalTypeConversion(new TimeConversions.LocalTimestampNanosConversion());
        return model;
    }

    private Differential() {}
}
